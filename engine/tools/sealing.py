"""Secrets of users at rest: sealed with a key derived from the house's secret, and bound to their row."""

from __future__ import annotations

import os
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_VERSION = b"\x01"


class BrokenSeal(Exception):
    """This was sealed with another secret, or for another row."""


class Seal:
    """AES-256-GCM; the key is HKDF-SHA256 of the secret, for this purpose alone."""

    def __init__(self, secret: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"baton: headers of tool servers")
        self._cipher = AESGCM(derived.derive(secret))

    def seal(self, headers: dict[str, str], row: UUID) -> bytes:
        """The headers as they are stored in this row."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, orjson.dumps(headers), row.bytes)

    def open(self, sealed: bytes, row: UUID) -> dict[str, str]:
        """What was sealed for this row. Raises BrokenSeal."""
        version, nonce, text = sealed[:1], sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            if version != _VERSION:
                raise BrokenSeal
            return orjson.loads(self._cipher.decrypt(nonce, text, row.bytes))
        except InvalidTag:
            raise BrokenSeal from None
