"""How many long things one user may have open at this server.

Counted for each process: a count that all servers share would have to be written at each opening, and to be
cleaned up after each crash. The database is guarded by what a process may read at a time, not by this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from uuid import UUID

from errors import RateLimited

_COME_BACK_MS = 10_000


class Seats:
    """So many for each user."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._taken: Counter[UUID] = Counter()

    @property
    def count(self) -> int:
        """Taken, by everybody."""
        return self._taken.total()

    def take(self, user_id: UUID) -> Callable[[], None]:
        """Take one, until the answer is called. Raises RateLimited."""
        if self._taken[user_id] >= self._most:
            raise RateLimited(_COME_BACK_MS, f"You may have {self._most} {self._what} open at a server.")
        self._taken[user_id] += 1
        return partial(self._leave, user_id)

    def _leave(self, user_id: UUID) -> None:
        self._taken[user_id] -= 1
        if not self._taken[user_id]:
            del self._taken[user_id]
