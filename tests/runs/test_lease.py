"""Who holds a run, and what becomes of one whose worker is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db import queue
from db.connection import Database
from db.query import Query
from engine.endings import answered
from engine.models.model import Answer
from engine.steps import Outcome
from engine.tools.tool import Call
from errors import LeaseLost
from ids import Kind, decode
from tests.api import Api
from tests.conftest import working
from tests.runs.parts import (
    SENTENCE,
    Script,
    begin,
    blocked,
    calls,
    claimed,
    let_lease_run_out,
    playing,
    tool,
    until_status,
)

pytestmark = pytest.mark.anyio


class TestLeases:
    async def test_a_run_goes_on_from_its_rows_in_other_hands(self, api: Api) -> None:
        """The step that the lost worker left open begins anew under its own number."""
        ada = await api.user()
        started = await ada.start(SENTENCE)
        lost = await claimed(api)
        step = await begin(lost, 1)
        await let_lease_run_out(api)

        async with working(api.services):
            run = await ada.finished(started["execution"]["id"])

        assert (run["status"], run["attempt"]) == ("COMPLETED", 2)
        assert [node["number"] for node in run["steps"]["nodes"]] == [1, 2, 3, 4]
        assert [node["attempt"] for node in run["steps"]["nodes"]] == [2, 2, 2, 2]
        assert decode(Kind.STEP, run["steps"]["nodes"][0]["id"]) == step.id
        seqs = [event["seq"] for event in run["events"]["nodes"]]
        assert seqs == list(range(1, len(seqs) + 1))

    async def test_who_lost_the_lease_writes_nothing(self, api: Api) -> None:
        """No step, no event, no effect."""
        ada = await api.user()
        started = await ada.start("Add a task to buy milk")
        zombie = await claimed(api)
        step = await begin(zombie, 1)
        await let_lease_run_out(api)
        async with working(api.services):
            before = await ada.finished(started["execution"]["id"])

        late = zombie.entry()
        late.finish(step, Outcome(text="late"))
        for word in (
            begin(zombie, 2),
            zombie.end(answered("late"), late),
            zombie.end(answered("late")),
        ):
            with pytest.raises(LeaseLost):
                await word

        assert await ada.finished(started["execution"]["id"]) == before

    async def test_attempts_that_end_in_a_crash_are_counted_to_a_cap(self, api: Api) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)
        async with api.services.db.as_system() as session:
            await session.run(Query("update executions set max_attempts = 1"))
        await claimed(api)
        await let_lease_run_out(api)

        async with working(api.services):
            run = await ada.finished(started["execution"]["id"])

        assert (run["status"], run["endReason"], run["attempt"]) == ("FAILED", "ATTEMPTS_EXHAUSTED", 1)

    async def test_a_worker_that_goes_away_leaves_no_run_under_a_lease(self, api: Api, db: Database) -> None:
        """Drained, it queues again what it could not end."""
        ada = await api.user()
        async with blocked(db) as release:
            async with working(api.services):
                started = await ada.start("Add a task to buy milk")
                await until_status(api, ada, started["execution"]["id"], "RUNNING")
            status = await ada.one(
                "query ($id: ID!) { execution(id: $id) { status } }", id=started["execution"]["id"]
            )
            release.set()

        assert status == {"status": "QUEUED"}

    async def test_one_run_is_claimed_once_by_workers_that_ask_at_once(self, api: Api) -> None:
        ada = await api.user()
        for _ in range(20):
            await ada.start("show my tasks")

        async def claim(name: str) -> list[Any]:
            async with api.services.db.as_system() as session:
                return [row.id for row in await queue.claim_executions(session, name, 5, 60)]

        taken = await asyncio.gather(*(claim(f"worker {n}") for n in range(6)))

        ids = [one for some in taken for one in some]
        assert len(ids) == len(set(ids))

    async def test_a_broken_connection_is_no_loss_of_the_lease(self, api: Api) -> None:
        """The worker takes the run up anew, under a new fence: what was under way counts no more."""
        ada = await api.user()
        cut = asyncio.Event()

        async def it(_: Call) -> str:
            if not cut.is_set():
                async with api.services.db.as_system() as session:
                    await session.all(
                        Query(
                            "select pg_terminate_backend(pid) from pg_stat_activity"
                            " where datname = current_database() and pid <> pg_backend_pid()"
                        )
                    )
                cut.set()
            return "ok"

        async with playing(api, Script(calls("it"), Answer("done")), [tool("it", it)]):
            run_id = (await ada.start("x"))["execution"]["id"]
            await cut.wait()  # a question that is under way then is answered that it cannot be
            run = await ada.finished(run_id)

        assert (run["status"], run["attempt"]) == ("COMPLETED", 1)
        seqs = [event["seq"] for event in run["events"]["nodes"]]
        assert seqs == list(range(1, len(seqs) + 1))
        assert [step["number"] for step in run["steps"]["nodes"]] == [1, 2, 3]
