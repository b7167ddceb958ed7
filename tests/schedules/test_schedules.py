"""Schedules: made, listed and deleted by people; each tick started once by the workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.connection import Database
from db.due import look
from db.query import Query
from engine.commands.schedules import start_due_runs
from engine.topics import QUEUE_TOPIC
from engine.worker.upkeep import Upkeep
from ids import Kind, decode
from tests.api import SCHEDULE, Api, User

pytestmark = pytest.mark.anyio

DELETE = """
mutation ($id: ID!) { deleteSchedule(id: $id) { ... on DeleteScheduleSuccess { id deleted } } }"""
LIST = "{ schedules { totalCount nodes { id remaining nextRunAt problem { code message at } } } }"
RUNS = "{ executions(first: 100) { nodes { id status input priority } } }"
WEEKLY = {"cron": "0 9 * * 1", "timeZone": "Europe/Berlin", "input": "Show my tasks"}


@pytest.fixture
async def ada(api: Api) -> User:
    return await api.user()


async def schedule(user: User, **fields: Any) -> dict[str, Any]:
    return await user.schedule(
        **{"cron": "0 9 * * 1", "text": "Show my tasks", "timeZone": "Europe/Berlin"} | fields
    )


async def set_clock_past(db: Database, schedule_id: str, seconds: float = 1) -> datetime:
    """Make the next tick one that was due so long ago."""
    tick = datetime.now(UTC) - timedelta(seconds=seconds)
    statement = Query("update schedules set next_run_at = :tick where id = :id")
    async with db.as_system() as session:
        await session.run(statement, id=decode(Kind.SCHEDULE, schedule_id), tick=tick)
    return tick


async def runs(user: User) -> list[dict[str, Any]]:
    return (await user.one(RUNS))["nodes"]


class TestMaking:
    async def test_a_schedule_knows_its_next_run(self, ada: User) -> None:
        """By the clock of its time zone."""
        made = await schedule(ada, repeat=3, priority="HIGH")

        assert {key: made[key] for key in WEEKLY} == WEEKLY
        assert (made["remaining"], made["priority"]) == (3, "HIGH")
        tick = datetime.fromisoformat(made["nextRunAt"])
        assert timedelta() < tick - datetime.now(UTC) <= timedelta(days=7, hours=1)
        assert (await ada.one(LIST))["nodes"][0]["id"] == made["id"]
        assert (await ada.ask("query ($id: ID!) { node(id: $id) { id } }", id=made["id"]))["node"] == {
            "id": made["id"]
        }

    async def test_every_problem_is_told(self, ada: User) -> None:
        """Of the cron, the zone, the input and the count, at once."""
        answer = await ada.one(
            SCHEDULE, input={"cron": "* * * *", "timeZone": "Moon/Base", "input": " ", "repeat": 0}
        )

        assert {tuple(issue["path"]) for issue in answer["issues"]} == {
            ("input", name) for name in ("cron", "timeZone", "input", "repeat")
        }

    async def test_a_tick_that_never_comes_is_refused(self, ada: User) -> None:
        """There is no thirtieth of February."""
        answer = await ada.one(SCHEDULE, input=WEEKLY | {"cron": "0 0 30 2 *"})

        assert answer["issues"][0]["path"] == ["input", "cron"]

    async def test_a_repeated_request_makes_one(self, ada: User) -> None:
        """Also when the schedule is deleted meanwhile."""
        first = await ada.one(SCHEDULE, input=WEEKLY | {"idempotencyKey": "k"})
        await ada.one(DELETE, id=first["schedule"]["id"])
        again = await ada.one(SCHEDULE, input=WEEKLY | {"idempotencyKey": "k"})

        assert (first["replayed"], again["replayed"]) == (False, True)
        assert again["schedule"]["id"] == first["schedule"]["id"]
        assert again["schedule"]["nextRunAt"] is None

    async def test_a_deleted_one_is_gone(self, ada: User) -> None:
        """Deleting it again changes nothing."""
        made = await schedule(ada)

        first, again = [await ada.one(DELETE, id=made["id"]) for _ in range(2)]

        assert (first["deleted"], again["deleted"]) == (True, False)
        assert (await ada.one(LIST)) == {"totalCount": 0, "nodes": []}

    async def test_nobody_else_sees_or_deletes_it(self, ada: User, api: Api) -> None:
        """It is as if it never was."""
        made = await schedule(ada)
        bob = await api.user("bob@example.com")

        assert (await bob.one(DELETE, id=made["id"]))["deleted"] is False
        assert (await bob.one(LIST))["totalCount"] == 0
        assert (await ada.one(LIST))["totalCount"] == 1


class TestTicking:
    async def test_a_tick_is_started_once_by_many_workers(self, api: Api, ada: User) -> None:
        """Whoever comes first starts it."""
        made = [await schedule(ada, text=f"Show task {number}") for number in range(5)]
        for one in made:
            await set_clock_past(api.services.db, one["id"])

        await asyncio.gather(*(start_due_runs(api.services.db) for _ in range(8)))

        assert sorted(run["input"] for run in await runs(ada)) == [f"Show task {n}" for n in range(5)]

    async def test_ticks_that_were_missed_are_started_once(self, api: Api, ada: User) -> None:
        """After a month without workers there is one run, and the next tick lies ahead."""
        made = await schedule(ada, cron="* * * * *")
        tick = await set_clock_past(api.services.db, made["id"], seconds=30 * 86_400)

        await start_due_runs(api.services.db)
        await start_due_runs(api.services.db)

        seconds = await seconds_to_next(api.services.db)
        assert len(await runs(ada)) == 1
        assert seconds is not None
        assert 0 < seconds <= 60
        async with api.services.db.as_system() as session:
            row = await session.one(Query("select schedule_id, schedule_tick from executions"))
        assert (row["schedule_id"], row["schedule_tick"]) == (decode(Kind.SCHEDULE, made["id"]), tick)

    async def test_its_agent_carries_the_run(self, api: Api, ada: User) -> None:
        """In the version that is the newest at the tick."""
        agent = await ada.agent("Ann")
        made = await schedule(ada, agentId=agent["id"], repeat=5)
        await set_clock_past(api.services.db, made["id"])
        await start_due_runs(api.services.db)

        statement = "select run.agent_id, version.version from executions as run "
        joined = "join agent_versions as version on version.id = run.agent_version_id"
        async with api.services.db.as_system() as session:
            rows = await session.all(Query(statement + joined))
        assert [(row["agent_id"], row["version"]) for row in rows] == [(decode(Kind.AGENT, agent["id"]), 1)]

    async def test_while_its_agent_is_archived_it_says_why_it_starts_nothing(
        self, api: Api, ada: User
    ) -> None:
        """Its ticks are passed over, and not counted; what is said is gone with the next run."""
        agent = await ada.agent("Ann")
        made = await schedule(ada, agentId=agent["id"], repeat=5)
        await ada.ask("mutation ($id: ID!) { archiveAgent(id: $id) { __typename } }", id=agent["id"])
        tick = await set_clock_past(api.services.db, made["id"])
        await start_due_runs(api.services.db)

        (passed,) = (await ada.one(LIST))["nodes"]
        problem = passed["problem"]
        assert (problem["code"], problem["message"]) == ("AGENT_ARCHIVED", "Its agent is archived.")
        assert datetime.fromisoformat(problem["at"]) == tick
        assert (await runs(ada), passed["remaining"]) == ([], 5)

        async with api.services.db.as_system() as session:
            await session.run(Query("update agents set archived_at = null"))
        await set_clock_past(api.services.db, made["id"])
        await start_due_runs(api.services.db)
        assert [one["problem"] for one in (await ada.one(LIST))["nodes"]] == [None]
        assert len(await runs(ada)) == 1

    async def test_it_ends_after_so_many_runs(self, api: Api, ada: User) -> None:
        """Nothing is due any more, and the schedule can still be read."""
        made = await schedule(ada, repeat=2)
        for _ in range(3):
            await set_clock_past(api.services.db, made["id"]) if await is_open(ada) else None
            await start_due_runs(api.services.db)

        (left,) = (await ada.one(LIST))["nodes"]
        assert (left["remaining"], left["nextRunAt"]) == (0, None)
        assert len(await runs(ada)) == 2
        assert await seconds_to_next(api.services.db) is None

    async def test_one_that_cannot_start_holds_up_no_other(self, api: Api, ada: User) -> None:
        """Its tick is passed over, and its count stays."""
        broken, good = await schedule(ada, repeat=2), await schedule(ada, text="Show my tasks, please")
        await spoil(api.services.db, broken["id"])
        await set_clock_past(api.services.db, broken["id"], seconds=5)
        await set_clock_past(api.services.db, good["id"])

        await start_due_runs(api.services.db)

        assert [run["input"] for run in await runs(ada)] == ["Show my tasks, please"]
        (left,) = [one for one in (await ada.one(LIST))["nodes"] if one["id"] == broken["id"]]
        assert (left["remaining"], left["problem"]["code"]) == (2, "INVALID_INPUT")
        assert datetime.fromisoformat(left["nextRunAt"]) > datetime.now(UTC)

    async def test_a_worker_wakes_for_a_tick(self, api: Api, ada: User, upkeep: Upkeep) -> None:
        """For one that is made while it sleeps, long before it would look by itself."""
        made = await schedule(ada)
        tick = await set_clock_past(api.services.db, made["id"], seconds=-0.3)
        with api.services.hub.listen(QUEUE_TOPIC) as bell:
            await schedule(ada, cron="0 0 1 1 *")
            await bell.wait(20)

        (run,) = await runs(ada)
        assert run["input"] == WEEKLY["input"]
        assert datetime.now(UTC) > tick


@pytest.fixture
async def upkeep(api: Api) -> AsyncIterator[Upkeep]:
    """A worker's chores, which look by themselves once a minute only."""
    services = api.services
    chores = Upkeep(services.db, services.hub, services.settings.model_copy(update={"poll_seconds": 60}))
    task = asyncio.create_task(chores.work())
    yield chores
    task.cancel()
    await asyncio.wait({task})


async def seconds_to_next(db: Database) -> float | None:
    async with db.as_system() as session:
        return (await look(session, 60)).ticks


async def is_open(user: User) -> bool:
    return (await user.one(LIST))["nodes"][0]["nextRunAt"] is not None


async def spoil(db: Database, schedule_id: str) -> None:
    """As if a limit had been lowered since."""
    identity: UUID = decode(Kind.SCHEDULE, schedule_id)
    async with db.as_system() as session:
        await session.run(Query("update schedules set input = '' where id = :id"), id=identity)
