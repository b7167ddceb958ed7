"""Passwords: argon2id, hashed in threads of their own, a few at a time."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type

# OWASP's parameters: 19 MiB and two passes.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
# Whoever comes while all are busy waits: many sign-ins at once take neither the memory nor the loop.
_THREADS = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2), thread_name_prefix="password")


async def hash_password(password: str) -> str:
    """A salted hash. Takes some 20 ms: never call it while a transaction is open."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, _normal(password))


async def is_password(password: str, kept: str | None) -> bool:
    """Whether this is the password of the hash. Without a hash: False, after the same time.

    Never call it while a transaction is open.
    """
    if kept is None:
        await hash_password(password)
        return False
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _matches, kept, _normal(password))


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def _matches(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except VerifyMismatchError:
        return False


def _normal(password: str) -> str:
    """Keyboards differ in how they write an é; it is the same password."""
    return unicodedata.normalize("NFC", password)
