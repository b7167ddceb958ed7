"""Which run goes next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from db import queue
from db.connection import BY_INDEX
from db.due import look
from db.query import Query
from engine.endings import answered
from engine.worker.chores import queue_due_runs
from engine.worker.journal import Journal
from ids import Kind, decode
from tests.api import START, Api, User
from tests.runs.parts import CANCEL, journal_of

pytestmark = pytest.mark.anyio

POSITION = "query ($id: ID!) { execution(id: $id) { status queuePosition scheduledFor } }"


async def started(user: User, **fields: Any) -> str:
    return (await user.start("show my tasks", **fields))["execution"]["id"]


async def claim(api: Api, slots: int = 100) -> list[queue.ClaimedRow]:
    """In the order in which they go."""
    claimed: list[queue.ClaimedRow] = []
    for _ in range(slots):
        async with api.services.db.as_system() as session:
            claimed += await queue.claim_executions(session, "by hand", 1, 60)
    return claimed


def ids_of(*texts: str) -> list[UUID]:
    return [decode(Kind.EXECUTION, text) for text in texts]


class TestTheQueue:
    async def test_the_claim_walks_one_partial_index_whatever_is_known_of_the_queues_length(
        self, api: Api
    ) -> None:
        """The same pages are read for ten of a hundred runs and for ten of a hundred thousand.

        Also where Postgres made its plan for an empty table, and was not told since that it has grown.
        """
        ada = await api.user()
        connection = await asyncpg.connect(api.services.settings.database_url)
        await connection.execute("alter table executions set (autovacuum_enabled = off)")
        await connection.execute(f"prepare claim as {queue.CLAIM.sql}")
        for _ in range(10):  # a plan that is used often is kept
            await claim_plan(connection)

        few = await grown(connection, ada, 100)
        stale = await grown(connection, ada, 100_000)
        await connection.execute("analyze executions")
        fresh = await claim_plan(connection)
        await connection.execute("alter table executions reset (autovacuum_enabled)")
        await connection.close()

        for plan in (few, stale, fresh):
            nodes = list(nodes_of(plan))
            assert not {"Seq Scan", "Sort", "Hash Join"} & {node["Node Type"] for node in nodes}
            (walk,) = [node for node in nodes if node.get("Index Name") == "executions_rank_idx"]
            assert walk["Actual Rows"] == 10
        assert max(pages_read(stale), pages_read(fresh)) < 2 * pages_read(few)

    async def test_one_users_many_runs_hold_up_nobody_elses_one(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")
        many = [await started(ada) for _ in range(3)]
        one = await started(bob)

        order = [run.id for run in await claim(api, 4)]

        assert order == ids_of(many[0], one, many[1], many[2])

    async def test_what_waits_grows_older_than_whatever_comes(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")
        low = await started(ada, priority="LOW")
        high = await started(bob, priority="HIGH")
        waits = 2 * queue.HEAD_START_SECONDS + 1
        async with api.services.db.as_system() as session:
            await session.run(
                Query("update executions set rank = rank - make_interval(secs => :s) where id = :id"),
                s=float(waits),
                id=decode(Kind.EXECUTION, low),
            )

        assert [run.id for run in await claim(api, 2)] == ids_of(low, high)

    async def test_the_position_is_how_many_go_first(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")
        runs = {await started(ada): ada for _ in range(3)}
        runs |= {await started(bob, priority=priority): bob for priority in ("LOW", "HIGH", "MEDIUM")}
        said = {run: (await user.one(POSITION, id=run))["queuePosition"] for run, user in runs.items()}

        order = [run.id for run in await claim(api, 6)]

        assert [order[said[run]] for run in runs] == ids_of(*runs)


class TestStartingLater:
    async def test_a_run_is_scheduled_until_its_time_and_then_queued(self, api: Api) -> None:
        ada = await api.user()
        later = datetime.now(UTC) + timedelta(hours=1)
        run = await started(ada, startAt=later.isoformat())
        before = await ada.one(POSITION, id=run)
        assert (before["status"], before["queuePosition"]) == ("SCHEDULED", None)
        assert datetime.fromisoformat(before["scheduledFor"]) == later
        assert await claim(api, 1) == []

        async with api.services.db.as_system() as session:
            await session.run(Query("update executions set start_at = now()"))
        await queue_due_runs(api.services.db)

        assert (await ada.one(POSITION, id=run))["status"] == "QUEUED"
        assert [one.id for one in await claim(api, 1)] == ids_of(run)

    async def test_the_next_one_is_known_in_seconds(self, api: Api) -> None:
        ada = await api.user()
        await started(ada, startAt=(datetime.now(UTC) + timedelta(minutes=5)).isoformat())

        async with api.services.db.as_system() as session:
            seconds = (await look(session, 60)).scheduled_runs

        assert seconds is not None
        assert 200 < seconds <= 300

    async def test_one_that_is_cancelled_never_starts(self, api: Api) -> None:
        ada = await api.user()
        run = await started(ada, startAt=(datetime.now(UTC) + timedelta(minutes=5)).isoformat())

        assert (await ada.one(CANCEL, input={"id": run}))["__typename"] == "CancelConfirmed"

    @pytest.mark.parametrize(
        ("given", "path"),
        [
            ({"startAt": "2030-01-02T00:00:00Z", "deadline": "2030-01-01T00:00:00Z"}, ["input", "deadline"]),
            ({"lockKey": ""}, ["input", "lockKey"]),
            ({"lockKey": "x" * 256}, ["input", "lockKey"]),
            ({"budget": {"maxTokens": 0}}, ["input", "budget", "maxTokens"]),
            ({"budget": {"maxSteps": -1}}, ["input", "budget", "maxSteps"]),
            ({"budget": {"maxCost": 0}}, ["input", "budget", "maxCost"]),
        ],
    )
    async def test_what_cannot_be_is_refused(self, api: Api, given: dict[str, Any], path: list[str]) -> None:
        ada = await api.user()

        answer = await ada.one(START, input={"input": "x", **given})

        assert (answer["code"], answer["path"]) == ("INVALID_INPUT", path)


class TestLockKeys:
    """Runs with the same key go one at a time, in order."""

    async def test_the_next_goes_when_the_one_before_has_ended(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")
        runs = [await started(ada, lockKey="door") for _ in range(3)]
        other = await started(bob, lockKey="door")

        order: list[UUID] = []
        for _ in runs:
            claimed = await claim(api, 3)
            order += [run.id for run in claimed]
            for run in claimed:
                await end(journal_of(api, run))

        assert order == ids_of(runs[0], other, runs[1], runs[2])

    async def test_one_that_is_cancelled_meanwhile_is_passed_over(self, api: Api) -> None:
        ada = await api.user()
        first, second, third = [await started(ada, lockKey="door") for _ in range(3)]
        (held,) = await claim(api, 2)
        await ada.one(CANCEL, input={"id": second})

        await end(journal_of(api, held))

        assert held.id == decode(Kind.EXECUTION, first)
        assert [run.id for run in await claim(api, 2)] == ids_of(third)

    async def test_whoever_ends_and_cancels_at_once_exactly_one_goes_next(self, api: Api) -> None:
        """No key is ever stuck, and none has two runs under way."""
        ada = await api.user()
        for _ in range(5):
            runs = [await started(ada, lockKey="door") for _ in range(4)]
            (held,) = await claim(api, 2)

            await asyncio.gather(
                end(journal_of(api, held)),
                ada.one(CANCEL, input={"id": runs[1]}),
                ada.one(CANCEL, input={"id": runs[2]}),
            )

            (last,) = await claim(api, 2)
            assert last.id == decode(Kind.EXECUTION, runs[3])
            await end(journal_of(api, last))

    async def test_one_for_later_blocks_nobody_and_waits_its_turn(self, api: Api) -> None:
        ada = await api.user()
        later = await started(
            ada, lockKey="door", startAt=(datetime.now(UTC) + timedelta(hours=1)).isoformat()
        )
        now = await started(ada, lockKey="door")
        (held,) = await claim(api, 1)
        assert held.id == decode(Kind.EXECUTION, now)
        async with api.services.db.as_system() as session:
            await session.run(Query("update executions set start_at = now() where start_at is not null"))
        await queue_due_runs(api.services.db)
        assert await claim(api, 1) == []

        await end(journal_of(api, held))

        assert [run.id for run in await claim(api, 1)] == ids_of(later)


async def grown(connection: asyncpg.Connection[Any], user: User, size: int) -> dict[str, Any]:
    """The plan of a claim, with so many more runs queued."""
    many = """
    insert into executions (id, user_id, input, rank, last_seq)
    select gen_random_uuid(), $1, 'x', now() + n * interval '1 second', 1 from generate_series(1, $2) as n
    """
    await connection.execute(many, user.id, size)
    return await claim_plan(connection)


async def claim_plan(connection: asyncpg.Connection[Any]) -> dict[str, Any]:
    """How a claim of ten was carried out, which is undone."""
    arguments = queue.CLAIM.arguments({"slots": 10, "worker": "'w'", "lease_seconds": 10.0})
    claim = f"execute claim ({', '.join(map(str, arguments))})"
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(BY_INDEX)
    plan = await connection.fetchval(
        f"explain (analyze, buffers, format json, costs off, timing off) {claim}"
    )
    await transaction.rollback()
    return orjson.loads(plan)[0]["Plan"]


def pages_read(plan: dict[str, Any]) -> int:
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)


async def end(journal: Journal) -> None:
    await journal.end(answered("done"), journal.entry())
