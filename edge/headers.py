"""What the edge reads from a request's headers."""

from __future__ import annotations

import re
from typing import overload

from starlette.datastructures import Headers
from starlette.types import Scope

from errors import BadRequest, Unauthenticated
from ids import new_name

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,255}")


class RequestHeaders:
    """Those of one request, read through once: looking one up that is not there costs next to nothing."""

    __slots__ = ("_values",)

    def __init__(self, scope: Scope) -> None:
        values: dict[str, list[str]] = {}
        for name, value in scope["headers"]:  # ASGI has the names in lower case
            values.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        self._values = values

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, default: str, /) -> str: ...
    def get(self, key: str, default: str | None = None, /) -> str | None:
        """The first of this name, which is in lower case."""
        found = self._values.get(key)
        return default if found is None else found[0]

    def getlist(self, key: str) -> list[str]:
        """All of this name, which is in lower case."""
        return self._values.get(key, [])


def request_id(headers: Headers | RequestHeaders) -> str:
    """The caller's `X-Request-ID` if it can stand in a log as it is, else a fresh one."""
    given = headers.get("x-request-id")
    return given if given is not None and _REQUEST_ID.fullmatch(given) else new_name()


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization` value; None without one. Raises Unauthenticated for another scheme."""
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Authorization must be of the form `Bearer <token>`.")
    return token.strip()


def idempotency_key(headers: RequestHeaders) -> str | None:
    """The header `Idempotency-Key`. Raises BadRequest for one that no key can be."""
    keys = headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not _PRINTABLE.fullmatch(keys[0]):
        raise BadRequest("Idempotency-Key must be given once, as 1 to 255 printable ASCII characters.")
    return keys[0]
