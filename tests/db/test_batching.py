"""Thousands who ask at once are few statements, and each gets what is their own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from db.batching import Batched
from db.connection import Database, UserReader
from db.query import Query
from db.session import Session
from db.streams import RunLog, get_run_log
from errors import Unavailable
from ids import new_id
from resolvers.users import ensure_user

pytestmark = pytest.mark.anyio

_INSERT = Query("insert into executions (id, user_id, input, status) values (:id, :user_id, 'x', 'QUEUED')")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many were carried out, by whose they were."""
    counted: Counter[str] = Counter()
    for reader in (Session, UserReader):
        monkeypatch.setattr(reader, "fetch", _counting(reader.__name__, reader.fetch, counted))
    return counted


def _counting(name: str, fetch: Any, counted: Counter[str]) -> Any:
    async def count(self: Any, sql: str, arguments: Sequence[object], row: Any) -> Any:
        counted[name] += 1
        return await fetch(self, sql, arguments, row)

    return count


async def person_with_runs(db: Database, name: str, count: int = 20) -> tuple[UUID, list[UUID]]:
    user = (await ensure_user(db, f"{name}@example.com")).id
    runs = [new_id() for _ in range(count)]
    async with db.as_system() as session:
        for run in runs:
            await session.run(_INSERT, id=run, user_id=user)
    return user, runs


async def test_everyone_gets_their_own_and_nobody_anothers(db: Database, statements: Counter[str]) -> None:
    (ada, hers), (bob, his) = await person_with_runs(db, "ada"), await person_with_runs(db, "bob")
    batched = Batched(db)
    asked = [(user, run) for user in (ada, bob) for run in (*hers, *his, new_id())]
    statements.clear()
    found = await asyncio.gather(*(get_run_log(batched.reading(user), user, run) for user, run in asked))

    mine = {ada: set(hers), bob: set(his)}
    assert [row and (row.user_id, row.id) for row in found] == [
        (user, run) if run in mine[user] else None for user, run in asked
    ]
    assert statements["Session"] + statements["UserReader"] <= 3


async def test_one_user_alone_reads_behind_the_wall(db: Database, statements: Counter[str]) -> None:
    """In one round trip, as any reader of theirs does."""
    ada, runs = await person_with_runs(db, "ada")
    batched = Batched(db)
    statements.clear()
    found = await asyncio.gather(*(get_run_log(batched.reading(ada), ada, run) for run in runs))

    assert [row and row.id for row in found] == runs
    assert set(statements) == {"UserReader"}


async def test_who_asks_again_at_once_is_not_forgotten(db: Database) -> None:
    """A line that was just through begins anew."""
    ada, runs = await person_with_runs(db, "ada")
    reader = Batched(db).reading(ada)

    async def one_after_another() -> int:
        return len([await get_run_log(reader, ada, run) for run in runs])

    async with asyncio.timeout(20):
        assert await asyncio.gather(*(one_after_another() for _ in range(4))) == [len(runs)] * 4


async def test_who_leaves_is_not_waited_for_and_the_others_are_answered(db: Database) -> None:
    ada, runs = await person_with_runs(db, "ada")
    reader = Batched(db).reading(ada)
    asking = [asyncio.ensure_future(get_run_log(reader, ada, run)) for run in runs]
    await asyncio.sleep(0)
    for one in asking[::2]:
        one.cancel()
    found: list[RunLog | None] = await asyncio.gather(*asking[1::2])
    assert [row and row.id for row in found] == runs[1::2]


async def test_a_failure_is_told_to_all_who_asked_and_to_nobody_after(db: Database) -> None:
    ada, runs = await person_with_runs(db, "ada", 3)
    reader = Batched(db).reading(ada)
    for _ in range(2):
        await db.close()
        told = await asyncio.gather(*(get_run_log(reader, ada, run) for run in runs), return_exceptions=True)
        assert {type(one) for one in told} == {Unavailable}
        await db.open()
        assert await get_run_log(reader, ada, runs[0]) is not None
