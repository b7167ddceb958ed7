"""CANCELLED means stopped: nothing is written after it, by the run or by anything below it."""

from __future__ import annotations

import asyncio

import pytest

from db.connection import Database
from db.query import Query
from engine.tools.tool import OPERATOR_SOURCE, Call, Effect, ExternalTool
from tests.api import Api
from tests.runs.test_runs import CANCEL
from tests.scripted import Script, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio

LATER = """
    select count(*) as late from marks
    where at > (select max(at) from events where kind = 'ExecutionStatusChanged' and stream = :id
                and payload ->> 'status' = 'CANCELLED')
"""


class Marker:
    """A tool that writes a row every 50 ms until it is stopped."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.is_writing = asyncio.Event()

    async def write(self, _: Call) -> object:
        while True:
            async with self._db.as_system() as session:
                await session.run(Query("insert into marks values (clock_timestamp())"))
            self.is_writing.set()
            await asyncio.sleep(0.05)

    @property
    def tool(self) -> ExternalTool:
        return ExternalTool(
            name="mark",
            description="Writes.",
            parameters={"type": "object"},
            effect=Effect.IDEMPOTENT_WRITE,
            source=OPERATOR_SOURCE,
            call=self.write,
        )


async def test_a_tool_that_writes_all_the_time_writes_nothing_after_cancelled(api: Api) -> None:
    """Below a parent that waits: the child stops first, then the parent, and then there is silence."""
    ada, db = await api.user(), api.services.db
    async with db.as_system() as session:
        await session.run(Query("create table marks (at timestamptz)"))
    marker = Marker(db)
    scripts = {"boss": Script(calls(call("ask_scribe", input="go"))), "scribe": Script(calls(call("mark")))}
    scribe = await make_agent(db, ada.id, "scribe")
    boss = await make_agent(db, ada.id, "boss", subagents=[scribe])
    async with scripted(api.services, scripts, [marker.tool]):
        run = await start(api.services, boss)
        await marker.is_writing.wait()
        cancelled = await ada.one(CANCEL, input={"id": run, "waitMs": 10_000})
        assert cancelled["__typename"] == "CancelConfirmed"
        await asyncio.sleep(0.2)  # four more rows, were it still at work
        async with db.as_system() as session:
            ends = await session.all(Query("select id, status from executions order by finished_at"))
            late = [(await session.one(Query(LATER), id=row["id"]))["late"] for row in ends]

    assert [row["status"] for row in ends] == ["CANCELLED"] * 2
    assert late == [0, 0]
