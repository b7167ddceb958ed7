"""Postgres' time in a worker: as last read, plus what this machine's steady clock counted since."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the database's time without asking it. Never goes back; right after `read` to a round trip."""

    def __init__(self) -> None:
        self._told = datetime.min.replace(tzinfo=UTC)
        self._base, self._at = datetime.now(UTC), time.monotonic()

    def read(self, now: datetime) -> None:
        """The database has just said that it is `now`."""
        self._base, self._at = now, time.monotonic()

    def now(self) -> datetime:
        """The database's time."""
        self._told = max(self._told, self._base + timedelta(seconds=time.monotonic() - self._at))
        return self._told
