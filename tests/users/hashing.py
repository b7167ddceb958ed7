"""A hasher that costs little and can be watched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher

from db.connection import Database
from db.session import Session


class CountingHasher(PasswordHasher):
    """Hashes with small costs, and counts how often; `watched` must have no transaction open meanwhile."""

    watched: WatchedDatabase | None = None

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.calls = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self._count()
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self._count()
        return super().verify(hash, password)

    def _count(self) -> None:
        self.calls += 1
        assert self.watched is None or self.watched.open_transactions == 0


class WatchedDatabase(Database):
    """Knows how many of its transactions are open."""

    open_transactions = 0

    @asynccontextmanager
    async def as_system(self) -> AsyncIterator[Session]:
        async with super().as_system() as session:
            self.open_transactions += 1
            try:
                yield session
            finally:
                self.open_transactions -= 1
