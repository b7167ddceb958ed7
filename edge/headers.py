"""What the edge reads from a request's headers."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import Scope

from errors import BadRequest, Unauthenticated
from ids import new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,255}")


class QuickHeaders(Headers):
    """Read through once, however often they are asked for."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._values: dict[str, list[str]] = {}
        for name, value in self.raw:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def __getitem__(self, key: str) -> str:
        """The first of this name. Raises KeyError."""
        return self._values[key.lower()][0]

    def getlist(self, key: str) -> list[str]:
        """All of this name."""
        return self._values.get(key.lower(), [])


def request_id(headers: Headers) -> str:
    """The caller's `X-Request-ID` if it can stand in a log as it is, else a fresh one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_id().hex


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization` value; None without one. Raises Unauthenticated for another scheme."""
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Authorization must be of the form `Bearer <token>`.")
    return token.strip()


def idempotency_key(headers: Headers) -> str | None:
    """The header `Idempotency-Key`. Raises BadRequest for one that no key can be."""
    keys = headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not _PRINTABLE.fullmatch(keys[0]):
        raise BadRequest("Idempotency-Key must be given once, as 1 to 255 printable ASCII characters.")
    return keys[0]
