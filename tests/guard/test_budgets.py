"""Budgets: kept in the database for all processes, taken in slices, filled up again at an even rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from db import budgets as rows
from db.connection import Database
from db.query import Query
from db.session import Session
from errors import RateLimited
from resolvers.budgets import Budgets

pytestmark = pytest.mark.anyio

SIZE = 1_000
SLICE = SIZE // 20


class Clock:
    """Of a process. The database has its own: `later` moves both."""

    def __init__(self, db: Database) -> None:
        self._db, self.time = db, 0.0

    def __call__(self) -> float:
        return self.time

    async def later(self, seconds: float) -> None:
        self.time += seconds
        back = Query("update budgets set at = at - cast(:by as interval)")
        async with self._db.as_system() as session:
            await session.run(back, by=timedelta(seconds=seconds))


class Counted(Database):
    """Counts its transactions."""

    transactions = 0

    @asynccontextmanager
    async def as_system(self) -> AsyncIterator[Session]:
        self.transactions += 1
        async with super().as_system() as session:
            yield session


@pytest.fixture
def clock(db: Database) -> Clock:
    return Clock(db)


async def spent(budgets: Budgets, points: int, account: str = "ada") -> int:
    """As much as there is, in portions of so many points."""
    total = 0
    while True:
        try:
            await budgets.spend(account, points, SIZE)
        except RateLimited:
            return total
        total += points


async def test_a_budget_is_spent_to_the_last_point_and_not_beyond(db: Database, clock: Clock) -> None:
    budgets = Budgets(db, clock)
    assert await budgets.spend("ada", 10, SIZE) == SIZE - 10
    assert await budgets.spend("bob", 1, SIZE) == SIZE - 1
    assert await spent(budgets, 10) == SIZE - 10


async def test_most_operations_ask_the_database_nothing(dsn: str) -> None:
    """A slice is a twentieth of the budget."""
    db = Counted(dsn, size=5, name="test")
    await db.open()
    budgets = Budgets(db)
    for _ in range(500):
        await budgets.spend("ada", 1, SIZE)
    assert db.transactions <= 500 // SLICE + 1
    await db.close()


async def test_processes_share_it(db: Database, clock: Clock) -> None:
    """Together never more than there is; what lies unused in a slice is less than a slice each."""
    processes = [Budgets(db, clock) for _ in range(4)]
    totals = await asyncio.gather(*(spent(one, 7) for one in processes for _ in range(5)))
    assert SIZE - len(processes) * SLICE < sum(totals) <= SIZE


async def test_it_fills_up_again_within_a_minute(db: Database, clock: Clock) -> None:
    budgets = Budgets(db, clock)
    await spent(budgets, 1)

    with pytest.raises(RateLimited) as refused:
        await budgets.spend("ada", 100, SIZE)
    assert 5_900 < refused.value.retry_after_ms <= 6_000

    await clock.later(6)
    assert await spent(budgets, 100) == 100
    await clock.later(3_600)
    assert await spent(budgets, 1) == SIZE


async def test_who_has_spent_all_does_not_keep_the_database_busy(dsn: str) -> None:
    db = Counted(dsn, size=5, name="test")
    await db.open()
    budgets = Budgets(db, clock=lambda: 0.0)
    await spent(budgets, 1)
    before = db.transactions
    for _ in range(50):
        with pytest.raises(RateLimited):
            await budgets.spend("ada", 1, SIZE)
    assert db.transactions == before
    await db.close()


async def test_a_process_that_is_killed_costs_a_slice_at_most(db: Database, clock: Clock) -> None:
    await Budgets(db, clock).spend("ada", 1, SIZE)
    assert await spent(Budgets(db, clock), 1) >= SIZE - SLICE - 1


async def test_a_slice_does_not_keep_for_ever(db: Database, clock: Clock) -> None:
    """Else it could be spent on top of a budget that is full again."""
    first, second = Budgets(db, clock), Budgets(db, clock)
    await first.spend("ada", 1, SIZE)
    await clock.later(61)
    assert await spent(first, 1) + await spent(second, 1) == SIZE


async def test_what_is_left_is_told_by_the_database(db: Database, clock: Clock) -> None:
    """Also what another process took; a slice of one's own counts as left."""
    ours, other = Budgets(db, clock), Budgets(db, clock)
    assert await ours.left("ada", SIZE) == (SIZE, timedelta())
    await ours.spend("ada", 100, SIZE)
    left, after = await ours.left("ada", SIZE)
    assert SIZE - 100 <= left <= SIZE - 99
    assert timedelta(seconds=5.9) < after <= timedelta(seconds=6)
    seen = (await other.left("ada", SIZE))[0]
    assert SIZE - 100 - SLICE <= seen < SIZE - 100


async def test_small_buckets_are_drawn_from_one_by_one(db: Database) -> None:
    one, other = Budgets(db), Budgets(db)
    for budgets in (one, other, one):
        await budgets.draw("door", 1, 3)
    with pytest.raises(RateLimited) as refused:
        await other.draw("door", 1, 3)
    assert 19_000 < refused.value.retry_after_ms <= 20_000


async def test_full_buckets_are_forgotten(db: Database, clock: Clock) -> None:
    """Those that nobody took from for two minutes; addresses come and go."""
    budgets = Budgets(db, clock, prune_every=2)
    await budgets.draw("old", 1, 3)
    await clock.later(180)
    await budgets.draw("new", 1, 3)
    async with db.as_system() as session:
        names = [row["account"] for row in await session.all(Query("select account from budgets"))]
        assert names == ["new"]
        assert await rows.prune(session) == 0


async def test_what_a_process_remembers_is_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.budgets._MOST_SLICES", 3)
    budgets = Budgets(db)
    for number in range(10):
        await budgets.spend(f"address {number}", 1, SIZE)
    assert len(budgets._slices) == 3
