"""What is checked before a socket is opened."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

PROTOCOL = "graphql-transport-ws"


def speaks_our_protocol(scope: Scope) -> bool:
    """Whether the client offered the one protocol we know."""
    return PROTOCOL in scope.get("subprotocols", [])


def may_connect(headers: Headers, allowed_origins: Sequence[str]) -> bool:
    """Whether the page that opens the socket is ours or a listed one. Programs send no origin and may.

    Browsers let any page open a socket to anywhere: this check is ours to make.
    """
    origin = headers.get("origin")
    if origin is None or "*" in allowed_origins or origin in allowed_origins:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(host) and host.lower() == headers.get("host", "").lower()
