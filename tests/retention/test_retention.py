"""What is too old goes, a batch at a time; what is alive, and what people still need, stays."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from db import retention as rows
from db.connection import Database
from db.query import Query
from engine.worker.retention import Retention
from ids import Kind, decode, new_id
from tests.api import Api, User
from tests.conftest import working

pytestmark = pytest.mark.anyio

RETENTION = Retention(events=30, runs=90, deleted=30, interval_seconds=3_600)
LONG_RUN = "Add a task to buy milk, then add a task to buy bread, then show my tasks"


@pytest.fixture
async def ada(api: Api) -> User:
    return await api.user()


async def run_to_its_end(api: Api, user: User, text: str = LONG_RUN) -> UUID:
    async with working(api.services):
        run = await user.finished((await user.start(text))["execution"]["id"])
    assert run["status"] == "COMPLETED"
    return decode(Kind.EXECUTION, run["id"])


async def sql(db: Database, statement: str, **parameters: Any) -> list[Any]:
    async with db.as_system() as session:
        return await session.all(Query(statement), **parameters)


async def grow_old(db: Database, days: int) -> None:
    """Everything that is there was written so many days earlier."""
    moved = [
        ("events", ("at",)),
        ("executions", ("created_at", "started_at", "finished_at", "queued_at")),
        ("tasks", ("created_at", "deleted_at")),
        ("schedules", ("created_at", "deleted_at")),
        ("conversations", ("created_at", "deleted_at")),
        ("idempotency_keys", ("created_at",)),
        ("refresh_tokens", ("expires_at",)),
    ]
    for table, columns in moved:
        changes = ", ".join(f"{name} = {name} - make_interval(days => :days)" for name in columns)
        await sql(db, f"update {table} set {changes}", days=days)


async def counted(db: Database, table: str) -> int:
    (row,) = await sql(db, f"select count(*) as count from {table}")
    return row["count"]


class TestRuns:
    async def test_the_log_of_an_ended_run_goes_whole(self, api: Api, ada: User) -> None:
        """Its row and steps stay, and it says how much of its log is gone."""
        run = await run_to_its_end(api, ada)
        db = api.services.db
        await grow_old(db, 31)

        await RETENTION.prune(db)

        (row,) = await sql(db, "select last_seq, pruned_seq from executions")
        assert row["pruned_seq"] == row["last_seq"] > 0
        assert await sql(db, "select from events where stream = :run", run=run) == []
        assert await counted(db, "steps") == 5

    async def test_nothing_young_goes(self, api: Api, ada: User) -> None:
        """A day before its time everything is there."""
        await run_to_its_end(api, ada)
        db = api.services.db
        await grow_old(db, 29)
        before = await counted(db, "events")

        counts = await RETENTION.prune(db)

        assert not any(counts.values())
        assert await counted(db, "events") == before

    async def test_a_run_that_lives_keeps_its_log(self, api: Api, ada: User) -> None:
        """However old it is: queued for a year, or waiting for a person."""
        waiting = (await ada.start("Show my tasks"))["execution"]["id"]
        db = api.services.db
        await sql(db, "update executions set status = 'AWAITING_INPUT'")
        await sql(
            db,
            "insert into interrupts (id, user_id, execution_id, reason, prompt, expires_at, opened_seq) "
            "values (:id, :user_id, :run, 'QUESTION', 'Which?', now() + interval '1 year', 1)",
            id=new_id(),
            user_id=ada.id,
            run=decode(Kind.EXECUTION, waiting),
        )
        await grow_old(db, 400)

        await RETENTION.prune(db)

        assert await counted(db, "executions") == 1
        assert await counted(db, "interrupts") == 1
        stream = decode(Kind.EXECUTION, waiting)
        assert len(await sql(db, "select from events where stream = :stream", stream=stream)) == 1

    async def test_an_old_run_goes_with_all_that_is_its_own(self, api: Api, ada: User) -> None:
        """What was started for it later goes on: a retry forgets what it repeats."""
        await run_to_its_end(api, ada)
        db = api.services.db
        await grow_old(db, 91)
        fresh = await run_to_its_end(api, ada, "Show my tasks")
        await sql(
            db,
            "update executions set retry_of = (select min(id::text)::uuid from executions) where id = :id",
            id=fresh,
        )

        counts = await RETENTION.prune(db)

        assert counts["runs"] == 1
        left = await sql(db, "select id, retry_of from executions")
        assert [(row["id"], row["retry_of"]) for row in left] == [(fresh, None)]
        assert {row["execution_id"] for row in await sql(db, "select execution_id from steps")} == {fresh}
        streams = {row["stream"] for row in await sql(db, "select distinct stream from events")}
        assert streams <= {fresh, ada.id}

    async def test_a_family_goes_together_or_not_at_all(self, api: Api, ada: User) -> None:
        """A child goes with its parent; while one of them lives, all stay."""
        db = api.services.db
        ids = [
            decode(Kind.EXECUTION, (await ada.start(f"Show task {n}"))["execution"]["id"]) for n in range(4)
        ]
        over, its_child, alive, its_ended_child = ids
        await sql(db, "update executions set parent_id = :a where id = :b", a=over, b=its_child)
        await sql(db, "update executions set parent_id = :a where id = :b", a=alive, b=its_ended_child)
        await sql(
            db,
            "update executions set status = 'COMPLETED', finished_at = now() where id = any(:ids)",
            ids=[over, its_child, its_ended_child],
        )
        await grow_old(db, 91)

        counts = await RETENTION.prune(db)

        assert counts["runs"] == 2
        assert {row["id"] for row in await sql(db, "select id from executions")} == {alive, its_ended_child}


class TestLogsThatGoOn:
    async def test_the_old_beginning_of_a_users_activity_goes(self, api: Api, ada: User) -> None:
        """What came since stays, with its seqs; the user's row says how much is gone."""
        db = api.services.db
        for number in range(250):
            await ada.create(f"Task {number}")
        await grow_old(db, 31)
        for number in range(3):
            await ada.create(f"Young task {number}")

        counts = await RETENTION.prune(db)

        assert counts["events"] == 250
        (row,) = await sql(db, "select last_seq, pruned_seq from users")
        assert (row["last_seq"], row["pruned_seq"]) == (253, 250)
        left = await sql(db, "select seq from events order by seq")
        assert [row["seq"] for row in left] == [251, 252, 253]

    async def test_every_owner_has_a_turn(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """Page after page, whoever has nothing old is passed by."""
        db = api.services.db
        people = [await api.user(f"p{n}@example.com") for n in range(5)]
        for person in people[::2]:
            await person.create("Old")
        await grow_old(db, 31)
        for person in people:
            await person.create("Young")
        monkeypatch.setattr(rows, "OWNERS", 2)

        await RETENTION.prune(db)

        found = await sql(db, "select pruned_seq, last_seq from users order by id")
        assert [(row["pruned_seq"], row["last_seq"]) for row in found] == [(1, 2), (0, 1)] * 2 + [(1, 2)]


class TestTheRest:
    async def test_keys_tokens_and_tombstones_go_by_their_own_age(self, api: Api, ada: User) -> None:
        """And what is alive beside them stays."""
        db = api.services.db
        gone = await ada.create("Gone", idempotencyKey="k")
        await ada.create("Kept")
        await ada.one("mutation ($id: ID!) { deleteTask(input: {id: $id}) { __typename } }", id=gone["id"])
        made = [(await ada.schedule("0 9 * * 1", "Show my tasks"))["id"] for _ in range(2)]
        await ada.one("mutation ($id: ID!) { deleteSchedule(id: $id) { __typename } }", id=made[0])
        await sql(
            db,
            "insert into refresh_tokens (hash, family_id, user_id, expires_at) "
            "values (:hash, :id, :id, now())",
            hash=b"x",
            id=ada.id,
        )
        await sql(
            db,
            "insert into conversations (id, user_id, deleted_at) values (:id, :user_id, now())",
            id=new_id(),
            user_id=ada.id,
        )
        await grow_old(db, 31)

        counts = await RETENTION.prune(db)

        assert {name: counts[name] for name in counts if name != "events"} == {
            "idempotency keys": 1,
            "refresh tokens": 1,
            "pieces": 0,
            "runs": 0,
            "conversations": 1,
            "schedules": 1,
            "tasks": 1,
        }
        assert await counted(db, "tasks") == await counted(db, "schedules") == 1

    async def test_what_is_locked_is_left_for_the_next_time(self, api: Api, ada: User) -> None:
        """Nothing waits for anybody."""
        db = api.services.db
        await run_to_its_end(api, ada)
        await grow_old(db, 31)
        async with db.as_system() as session:
            await session.all(Query("select from executions for update"))
            await session.all(Query("select from users for update"))
            async with asyncio.timeout(20):
                assert (await RETENTION.prune(db))["events"] == 0

        assert (await RETENTION.prune(db))["events"] > 0

    async def test_one_worker_sweeps_in_each_interval(self, api: Api, ada: User) -> None:
        """Whoever asks first; after the interval there is a turn again."""
        db = api.services.db

        async def take_turn() -> bool:
            async with db.as_system() as session:
                return await rows.take_turn(session, "retention", RETENTION.interval_seconds)

        first = await asyncio.gather(*(take_turn() for _ in range(4)))
        await sql(db, "update sweeps set at = at - interval '61 minutes'")
        later = await asyncio.gather(*(take_turn() for _ in range(4)))

        assert (sum(first), sum(later)) == (1, 1)
