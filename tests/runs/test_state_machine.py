"""A run's life against a small model of what was promised, on the real statements."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans

from db import queue
from db.connection import Database
from db.executions import get_execution
from db.query import Query
from engine.chores import queue_due_runs, sweep_lost_runs
from engine.clock import Clock
from engine.endings import HANDED_BACK, STOPPED, Ending, answered, failed
from engine.executions import NewExecution, cancel_execution, start_execution
from engine.journal import Journal
from engine.log import tell_status
from engine.moves import let_go, resume
from engine.scribe import CancelRequested, Scribe
from engine.states import Cause, EndReason, StepKind
from errors import LeaseLost
from resolvers.users import ensure_user

ENDED = {"COMPLETED", "FAILED", "CANCELLED"}
MOST_ATTEMPTS = 3
_EVENTS = Query(
    "select seq, kind, payload ->> 'status' as status from events where stream = :id order by seq"
)


class Life(RuleBasedStateMachine):
    """One run, whoever may do something to it, and what its status must be then."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.db = Database(self.dsn, size=3, name="test")
        self.wait(self.db.open())
        self.user = self.wait(ensure_user(self.db, "ada@example.com")).id
        self.system("delete from executions")
        self.holder: Journal | None = None
        self.lost: list[Journal] = []
        self.attempt = 0

    def teardown(self) -> None:
        self.wait(self.db.close())
        self.runner.close()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def system(self, sql: str) -> None:
        async def run() -> None:
            async with self.db.as_system() as session:
                await session.run(Query(sql))

        self.wait(run())

    def becomes(self, status: str) -> None:
        self.told.append(status)
        if status != "CANCELLING" and self.holder is not None:
            self.lost.append(self.holder)
            self.holder = None

    @property
    def status(self) -> str:
        return self.told[-1]

    @initialize(later=booleans())
    def start(self, later: bool) -> None:
        at = datetime.now(UTC) + timedelta(hours=1) if later else None
        new = NewExecution("x", start_at=at)
        self.run = self.wait(
            self.db.transact(self.user, lambda session: start_execution(session, self.user, new))
        )
        self.told = ["SCHEDULED" if later else "QUEUED"]

    @precondition(lambda self: self.status == "SCHEDULED")
    @rule()
    def its_time_comes(self) -> None:
        self.system("update executions set start_at = now()")
        self.wait(queue_due_runs(self.db))
        self.becomes("QUEUED")

    @rule()
    def a_worker_claims(self) -> None:
        async def claim() -> list[queue.ClaimedRow]:
            async with self.db.as_system(by_index=True) as session:
                claimed = await queue.claim_executions(session, "w", 1, 60)
                await tell_status(session, *claimed)
            return claimed

        claimed = self.wait(claim())
        assert len(claimed) == (self.status == "QUEUED")
        for run in claimed:
            self.becomes("RUNNING")
            self.attempt = max(self.attempt, 1)
            self.holder = Journal(self.db, Scribe(self.db), Clock(), run)

    @precondition(lambda self: self.status != "SCHEDULED")
    @rule()
    def somebody_cancels(self) -> None:
        self.wait(
            self.db.transact(
                self.user, lambda session: cancel_execution(session, self.user, self.run.id, None)
            )
        )
        if self.status not in ENDED | {"CANCELLING"}:
            self.becomes("CANCELLED" if self.holder is None else "CANCELLING")

    @precondition(lambda self: self.holder is not None)
    @rule(well=booleans())
    def it_ends(self, well: bool) -> None:
        """An end that comes after it was asked to stop is none."""
        assert self.holder is not None
        ending = answered("done") if well else failed(EndReason.MODEL_ERROR, "no")
        if self.said(self.holder.end(ending, self.holder.entry())) is None:
            self.becomes("COMPLETED" if well else "FAILED")

    @precondition(lambda self: self.holder is not None)
    @rule()
    def it_is_handed_back(self) -> None:
        assert self.holder is not None
        self.wait(self.holder.end(HANDED_BACK))
        self.becomes("QUEUED" if self.status == "RUNNING" else "CANCELLED")

    @precondition(lambda self: self.status == "CANCELLING")
    @rule()
    def it_stops(self) -> None:
        assert self.holder is not None
        self.wait(self.holder.end(STOPPED))
        self.becomes("CANCELLED")

    @precondition(lambda self: self.holder is not None)
    @rule()
    def it_asks_a_person(self) -> None:
        held = self.holder
        assert held is not None
        self.wait(self.db.transact(self.user, lambda session: let_go(session, held.run, Ending(Cause.ASK))))
        self.becomes("AWAITING_INPUT" if self.status == "RUNNING" else "CANCELLED")

    @precondition(lambda self: self.status == "AWAITING_INPUT")
    @rule()
    def the_person_answers(self) -> None:
        async def answer(session: Any) -> None:
            row = await get_execution(session, self.user, self.run.id)
            assert row is not None
            await resume(session, row)

        self.wait(self.db.transact(self.user, answer))
        self.becomes("QUEUED")

    @precondition(lambda self: self.holder is not None)
    @rule()
    def its_lease_runs_out(self) -> None:
        self.system("update executions set lease_until = now() - interval '1 second'")
        self.wait(sweep_lost_runs(self.db))
        if self.status == "CANCELLING":
            self.becomes("CANCELLED")
        elif self.attempt == MOST_ATTEMPTS:
            self.becomes("FAILED")
        else:
            self.attempt += 1
            self.becomes("QUEUED")

    @precondition(lambda self: self.lost)
    @rule()
    def a_lost_worker_wakes(self) -> None:
        """It writes nothing, and ends nothing."""
        late = self.lost[-1]
        entry = late.entry()
        entry.begin(late.step(1, StepKind.THINKING))
        assert self.said(late.write(entry)) is LeaseLost
        assert self.said(late.end(answered("late"), late.entry())) is LeaseLost

    def said(self, work: Awaitable[None]) -> type[Exception] | None:
        async def listen() -> type[Exception] | None:
            try:
                await work
            except (LeaseLost, CancelRequested) as problem:
                return type(problem)
            return None

        refused = self.wait(listen())
        assert (refused is CancelRequested) <= (self.status == "CANCELLING")
        return refused

    @invariant()
    def it_stands_as_it_was_told(self) -> None:
        """Each status is an event, in order and once; a run is held by nobody but its holder."""

        async def look() -> tuple[Any, list[Any]]:
            async with self.db.as_system() as session:
                row = await get_execution(session, self.user, self.run.id)
                return row, await session.all(_EVENTS, id=self.run.id)

        if not hasattr(self, "told"):
            return
        row, events = self.wait(look())
        assert (row.status, row.attempt) == (self.status, self.attempt)
        assert (row.lease_owner is None) == (self.holder is None)
        assert (row.finished_at is None) == (self.status not in ENDED)
        assert [event["seq"] for event in events] == list(range(1, row.last_seq + 1))
        changes = [event["status"] for event in events if event["kind"] == "ExecutionStatusChanged"]
        assert [status for status, _ in groupby(changes)] == self.told


def test_a_run_lives_as_was_promised(dsn: str) -> None:
    machine = type("LifeHere", (Life,), {"dsn": dsn})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            phases=[Phase.generate],  # a failure is told as it was found: to shrink one takes minutes
            derandomize=True,
            database=None,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
