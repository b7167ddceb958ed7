"""Asked to stop is not stopped: what CANCELLING and CANCELLED promise."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from engine.endings import STOPPED
from engine.models.model import Turn
from engine.tools.tool import Call, Effect
from engine.worker.worker import Worker
from errors import LeaseLost
from ids import Kind, decode
from tests.api import Api
from tests.conftest import working
from tests.runs.parts import (
    CANCEL,
    SENTENCE,
    Script,
    begin,
    calls,
    claimed,
    let_lease_run_out,
    playing,
    tool,
)

pytestmark = pytest.mark.anyio


_WAITING = """
select count(*), pg_sleep(0.01) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and query ilike '%insert into tasks%'
"""
_TICKS = """
select count(distinct run) as of_runs, count(*) filter (where ticks.at > ended.at) as late
from ticks join events as ended on ended.stream = run and ended.payload ->> 'status' = 'CANCELLED'
"""


@asynccontextmanager
async def task_writers_locked_out(api: Api) -> AsyncIterator[asyncpg.Connection]:
    """By somebody who is in no hurry; gives a look at who waits."""
    dsn = api.services.settings.database_url
    holder, look = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    async with holder.transaction():
        await holder.execute("lock table tasks in share row exclusive mode")
        yield look
    await holder.close()
    await look.close()


class TestCancelling:
    async def test_a_queued_run_has_stopped_at_once(self, api: Api) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)

        answer = await ada.one(CANCEL, input={"id": started["execution"]["id"]})

        assert answer["__typename"] == "CancelConfirmed"
        assert answer["execution"] == {"status": "CANCELLED", "endReason": "CANCELLED_BY_USER"}

    async def test_a_running_one_stops_at_its_workers_word(self, api: Api) -> None:
        """CANCELLING is asked, CANCELLED is the worker's: nothing is written after it."""
        ada = await api.user()
        started = await ada.start(SENTENCE)
        journal = await claimed(api)
        await begin(journal, 1)

        asked = await ada.one(CANCEL, input={"id": started["execution"]["id"], "reason": "enough"})
        await journal.end(STOPPED)

        assert (asked["__typename"], asked["execution"]["status"]) == ("CancelRequested", "CANCELLING")
        run = await ada.finished(started["execution"]["id"])
        assert run["status"] == "CANCELLED"
        assert run["events"]["nodes"][-1]["status"] == "CANCELLED"
        assert [step["status"] for step in run["steps"]["nodes"]] == ["FAILED"]
        with pytest.raises(LeaseLost):
            await begin(journal, 2)

    async def test_waiting_for_the_end_of_a_running_one(self, api: Api) -> None:
        """With `waitMs` the answer is what came of it, whichever worker stopped."""
        ada, begun = await api.user(), asyncio.Event()

        async def wait(_: Call) -> None:
            begun.set()
            await asyncio.Event().wait()

        async with playing(api, Script(calls("wait")), [tool("wait", wait, Effect.IDEMPOTENT_WRITE)]):
            started = await ada.start("x")
            await begun.wait()
            answer = await ada.one(CANCEL, input={"id": started["execution"]["id"], "waitMs": 10_000})

        assert answer["__typename"] == "CancelConfirmed"
        assert answer["execution"]["status"] == "CANCELLED"

    async def test_what_has_ended_stays_as_it_ended(self, api: Api, worker: Worker) -> None:
        ada = await api.user()
        started = await ada.start("show my tasks")
        await ada.finished(started["execution"]["id"])

        answer = await ada.one(CANCEL, input={"id": started["execution"]["id"]})

        assert (answer["__typename"], answer["execution"]["status"]) == ("AlreadyTerminal", "COMPLETED")

    async def test_a_lost_workers_run_that_was_asked_to_stop_is_stopped_by_the_sweep(self, api: Api) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)
        await claimed(api)
        await ada.one(CANCEL, input={"id": started["execution"]["id"]})
        await let_lease_run_out(api)

        async with working(api.services):
            run = await ada.finished(started["execution"]["id"])

        assert (run["status"], run["endReason"]) == ("CANCELLED", "CANCELLED_BY_USER")

    async def test_calls_under_way_are_really_stopped_and_nothing_comes_after(self, api: Api) -> None:
        """Fifty runs stopped at any moment: no tool's last row is newer than its run's CANCELLED."""
        ada, fifty = await api.user(), 50
        begun: defaultdict[UUID, asyncio.Event] = defaultdict(asyncio.Event)
        ticks = await asyncpg.create_pool(api.services.settings.database_url, min_size=4, max_size=4)
        await ticks.execute("create table ticks (run uuid, at timestamptz default clock_timestamp())")

        async def tick(call: Call) -> None:
            while True:
                await ticks.execute("insert into ticks (run) values ($1)", call.execution_id)
                begun[call.execution_id].set()
                await asyncio.sleep(0.005)

        async def stopped() -> str:
            run_id = (await ada.start("x"))["execution"]["id"]
            await begun[decode(Kind.EXECUTION, run_id)].wait()
            await asyncio.sleep(random.uniform(0, 0.05))
            await ada.one(CANCEL, input={"id": run_id, "waitMs": 10_000})
            return (await ada.finished(run_id))["status"]

        api.services.settings.worker_slots = fifty
        async with playing(api, Script(calls("tick")), [tool("tick", tick, Effect.IDEMPOTENT_WRITE)]):
            ends = await asyncio.gather(*(stopped() for _ in range(fifty)))
        counted = await ticks.fetchrow(_TICKS)
        await ticks.close()

        assert ends == ["CANCELLED"] * fifty
        assert tuple(counted) == (fifty, 0)

    async def test_a_built_in_tool_that_waits_for_others_is_stopped_too(self, api: Api) -> None:
        """It holds its run's row, which whoever cancels needs: not for as long as it waits."""
        ada = await api.user()
        async with task_writers_locked_out(api) as look, working(api.services):
            run_id = (await ada.start(SENTENCE))["execution"]["id"]
            async with asyncio.timeout(20):
                while not await look.fetchval(_WAITING):
                    pass
            answer = await ada.one(CANCEL, input={"id": run_id, "waitMs": 10_000})
            run = await ada.finished(run_id)

        assert answer["__typename"] == "CancelConfirmed"
        assert [step["status"] for step in run["steps"]["nodes"]] == ["COMPLETED", "FAILED"]
        assert (await ada.one("{ tasks { totalCount } }"))["totalCount"] == 0

    async def test_a_model_that_is_asked_is_stopped_too(self, api: Api) -> None:
        ada = await api.user()
        asked, stopped = asyncio.Event(), asyncio.Event()

        class Hanging(Script):
            async def next(self, turn: Turn) -> Any:
                asked.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    stopped.set()

        async with playing(api, Hanging()):
            run_id = (await ada.start("x"))["execution"]["id"]
            await asked.wait()
            answer = await ada.one(CANCEL, input={"id": run_id, "waitMs": 10_000})

        assert answer["__typename"] == "CancelConfirmed"
        assert stopped.is_set()
