"""What callers may spend in a minute, counted in the database for all processes together.

A process takes points in slices, ahead of use, so that most operations ask the database nothing. What is
taken is gone from the budget: all processes together never let through more than it allows. A slice that is
lost with its process, or grows old, costs the caller a twentieth of a minute's budget at most.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from db import budgets as rows
from db.connection import Database
from errors import RateLimited

_PER_SLICE = 20
_SECONDS = 60.0
"How long it takes to fill an empty bucket, and how long a slice keeps."
_MOST_SLICES = 10_000
_PRUNE_EVERY = 500
"Buckets are made as often as they are taken from: whoever takes sees that full ones are forgotten."


@dataclass(slots=True)
class _Slice:
    """What this process holds of one account."""

    points: int = 0
    level: float = math.inf
    "What was left in the database after the last look: at most what is there now, but for what flowed in."
    at: float = -math.inf
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    "Who comes while a slice is being taken waits for it, and does not take one more."


class Budgets:
    """Any number of accounts; a bucket each, full at first."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], float] = time.monotonic,
        prune_every: int = _PRUNE_EVERY,
    ) -> None:
        self._db, self._clock, self._prune_every = db, clock, prune_every
        self._slices: OrderedDict[str, _Slice] = OrderedDict()
        self._takes = 0

    async def spend(self, account: str, points: int, size: int) -> int:
        """Take points from a bucket of this size; answers what is left of it, as far as we know.

        Raises RateLimited.
        """
        held = self._slice(account)
        if self._fresh(held) < points:
            async with held.turn:
                await self._fill(held, account, points, size)
        held.points -= points
        return self._left(held, size)

    async def draw(self, account: str, points: int, size: int) -> None:
        """Take points right from the database: for buckets so small that every one counts.

        Raises RateLimited.
        """
        row = await self._take(account, points, points, size)
        if not row.granted:
            raise _limited(points, row.level, size)

    async def left(self, account: str, size: int) -> tuple[int, timedelta]:
        """What may still be spent now, and after what time it is all there again."""
        held = self._slice(account)
        async with self._db.as_system() as session:
            level = await rows.level(session, account, size)
        left = min(size, int(level) + self._fresh(held))
        return left, timedelta(seconds=(size - left) * _SECONDS / size)

    def _slice(self, account: str) -> _Slice:
        """The account's slice. The oldest are forgotten where there are too many."""
        held = self._slices.get(account)
        if held is None:
            held = self._slices[account] = _Slice()
        self._slices.move_to_end(account)
        if len(self._slices) > _MOST_SLICES:
            self._slices.popitem(last=False)
        return held

    def _fresh(self, held: _Slice) -> int:
        """The points that may be spent here. Old ones have flowed in again where they came from."""
        if self._clock() - held.at > _SECONDS:
            held.points = 0
        return held.points

    async def _fill(self, held: _Slice, account: str, points: int, size: int) -> None:
        """Take a slice. Where it is sure that there is too little, the database is not asked."""
        need = points - self._fresh(held)
        if need <= 0:  # somebody else took one while we waited
            return
        known = self._known_level(held, size)
        if known < need:
            raise _limited(need, known, size)
        row = await self._take(account, need, need + size // _PER_SLICE, size)
        held.level, held.at = row.level, self._clock()
        held.points += row.granted
        if held.points < points:
            raise _limited(need, row.level, size)

    def _known_level(self, held: _Slice, size: int) -> float:
        """The most that can be in the bucket: others only take from it."""
        return min(size, held.level + (self._clock() - held.at) * size / _SECONDS)

    def _left(self, held: _Slice, size: int) -> int:
        return int(min(size, self._known_level(held, size) + held.points))

    async def _take(self, account: str, need: int, want: int, size: int) -> rows.BudgetRow:
        if need > size:
            raise _limited(need, 0, size)
        self._takes += 1
        async with self._db.as_system() as session:
            row = await rows.take(session, account, need, want, size)
            if self._takes % self._prune_every == 0:
                await rows.prune(session)
        return row


def _limited(need: int, level: float, size: int) -> RateLimited:
    return RateLimited(math.ceil((need - level) * _SECONDS * 1_000 / size))
