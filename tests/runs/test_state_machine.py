"""Runs' lives against a small model of what was promised, on the real statements.

What is drawn is drawn anew each time; a failure says the seed to draw the same again with.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import DataObject, booleans, data, sampled_from

from db import queue
from db.connection import Database
from db.executions import get_execution
from db.query import Query
from engine.commands.executions import NewExecution, cancel_execution, start_execution
from engine.endings import HANDED_BACK, LATE, STOPPED, answered, failed
from engine.log import tell_status
from engine.runs.children import Share, start_child
from engine.runs.moves import resume
from engine.states import EndReason, StepKind
from engine.tools.tool import Wait
from engine.worker.chores import end_late_runs, queue_due_runs, sweep_lost_runs
from engine.worker.clock import Clock
from engine.worker.journal import Journal, Parked
from engine.worker.scribe import CancelRequested, Scribe
from errors import LeaseLost
from resolvers.users import ensure_user

ENDED = {"COMPLETED", "FAILED", "CANCELLED"}
MOST_ATTEMPTS = 2
MOST_RUNS = 6
_RUNS = Query("select id, status, attempt, lease_owner, finished_at, last_seq, blocked from executions")
_EVENTS = Query(
    """
    select stream, seq, kind, payload ->> 'status' as status from events
    where stream in (select id from executions) order by stream, seq
    """
)


@dataclass(eq=False)
class Life:
    """What must be true of one run."""

    id: UUID
    told: list[str]
    key: str | None = None
    is_blocked: bool = False
    parent: Life | None = None
    holder: Journal | None = None
    lost: list[Journal] = field(default_factory=list[Journal])
    attempt: int = 0

    @property
    def status(self) -> str:
        return self.told[-1]

    @property
    def is_live(self) -> bool:
        return self.status not in ENDED

    def becomes(self, status: str) -> None:
        self.told.append(status)
        if status != "CANCELLING" and self.holder is not None:
            self.let_go()

    def let_go(self) -> None:
        assert self.holder is not None
        self.lost.append(self.holder)
        self.holder = None


class Promises:
    """What follows for other runs from what happens to one."""

    def __init__(self) -> None:
        self.lives: list[Life] = []

    def below(self, life: Life) -> list[Life]:
        return [one for one in self.lives if one.parent is life and one.is_live]

    def is_taken(self, key: str | None) -> bool:
        return any(
            one.key == key and one.is_live and one.status != "SCHEDULED" and not one.is_blocked
            for one in self.lives
            if key is not None
        )

    def ready(self, life: Life) -> None:
        """It takes its place; an earlier one of its key goes first."""
        life.is_blocked = self.is_taken(life.key)

    def cancel(self, life: Life) -> None:
        if life.status in ENDED | {"CANCELLING"}:
            return
        below = self.below(life)
        if life.holder is None and not below:
            self.end(life, "CANCELLED")
            return
        life.becomes("CANCELLING")
        for child in below:
            self.cancel(child)

    def end(self, life: Life, status: str) -> None:
        """The next of its key may go; its children are stopped; its parent waits for one less."""
        life.becomes(status)
        waiting = [one for one in self.lives if one.key == life.key and one.status == "QUEUED"]
        if life.key is not None and waiting and not self.is_taken(life.key):
            waiting[0].is_blocked = False
        for child in self.below(life):
            self.cancel(child)
        if life.parent is not None:
            self._one_less(life.parent)

    def _one_less(self, parent: Life) -> None:
        if not parent.is_live or parent.holder is not None or self.below(parent):
            return
        if parent.status == "CANCELLING":
            self.end(parent, "CANCELLED")
        else:
            parent.becomes("QUEUED")


def _some(choose: Callable[[Life], bool]) -> Callable[[Any], bool]:
    """Whether there is a run to which a rule can happen."""
    return lambda machine: any(map(choose, machine.promises.lives))


def _held(life: Life) -> bool:
    return life.holder is not None


class World(RuleBasedStateMachine):
    """Some runs, whoever may do something to them, and what they must be then."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.db = Database(self.dsn, size=3, name="test")
        self.wait(self.db.open())
        self.user = self.wait(ensure_user(self.db, "ada@example.com")).id
        self.system("delete from executions")
        self.system(f"alter table executions alter max_attempts set default {MOST_ATTEMPTS}")
        self.promises = Promises()

    def teardown(self) -> None:
        with self.runner:
            self.wait(self.db.close())

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def system(self, sql: str, **parameters: object) -> None:
        async def run() -> None:
            async with self.db.as_system() as session:
                await session.run(Query(sql), **parameters)

        self.wait(run())

    def transact(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        return self.wait(self.db.transact(self.user, work))

    def one(self, drawn: DataObject, choose: Callable[[Life], bool]) -> Life:
        return drawn.draw(sampled_from([one for one in self.promises.lives if choose(one)]))

    def held(self, drawn: DataObject) -> tuple[Life, Journal]:
        life = self.one(drawn, _held)
        assert life.holder is not None
        return life, life.holder

    @initialize()
    def the_first_is_started(self) -> None:
        self.start(later=False, key=None)

    @precondition(lambda self: len(self.promises.lives) < MOST_RUNS)
    @rule(later=booleans(), key=sampled_from([None, "a"]))
    def start(self, later: bool, key: str | None) -> None:
        at = datetime.now(UTC) + timedelta(hours=1) if later else None
        new = NewExecution("x", start_at=at, lock_key=key)
        run = self.transact(lambda session: start_execution(session, self.user, new))
        life = Life(run.id, ["SCHEDULED" if later else "QUEUED"], key)
        if not later:
            self.promises.ready(life)
        self.promises.lives.append(life)

    @precondition(_some(lambda one: one.status == "SCHEDULED"))
    @rule(drawn=data())
    def its_time_comes(self, drawn: DataObject) -> None:
        life = self.one(drawn, lambda one: one.status == "SCHEDULED")
        self.system("update executions set start_at = now() where id = :id", id=life.id)
        self.wait(queue_due_runs(self.db))
        self.promises.ready(life)
        life.becomes("QUEUED")

    @rule()
    def a_worker_claims(self) -> None:
        async def claim() -> list[queue.ClaimedRow]:
            async with self.db.as_system(by_index=True) as session:
                claimed = await queue.claim_executions(session, "w", 1, 60)
                await tell_status(session, *claimed)
            return claimed

        claimed = self.wait(claim())
        ready = {one.id: one for one in self.promises.lives if one.status == "QUEUED" and not one.is_blocked}
        assert len(claimed) == min(1, len(ready))
        for run in claimed:
            life = ready[run.id]
            life.becomes("RUNNING")
            life.attempt = max(life.attempt, 1)
            life.holder = Journal(self.db, Scribe(self.db), Clock(), run)

    @rule(drawn=data())
    def somebody_cancels(self, drawn: DataObject) -> None:
        life = self.one(drawn, lambda _: True)
        self.transact(lambda session: cancel_execution(session, self.user, life.id, None))
        self.promises.cancel(life)

    @precondition(_some(_held))
    @rule(drawn=data(), well=booleans())
    def it_ends(self, drawn: DataObject, well: bool) -> None:
        """An end that comes after it was asked to stop is none."""
        life, holder = self.held(drawn)
        ending = answered("done") if well else failed(EndReason.MODEL_ERROR, "no")
        if self.said(life, holder.end(ending, holder.entry())) is None:
            self.promises.end(life, "COMPLETED" if well else "FAILED")

    @precondition(_some(_held))
    @rule(drawn=data())
    def it_is_handed_back(self, drawn: DataObject) -> None:
        life, holder = self.held(drawn)
        self.wait(holder.end(HANDED_BACK))
        self.leaves(life, "QUEUED")

    @precondition(_some(lambda one: one.status == "CANCELLING" and _held(one)))
    @rule(drawn=data())
    def it_stops(self, drawn: DataObject) -> None:
        life = self.one(drawn, lambda one: one.status == "CANCELLING" and _held(one))
        assert life.holder is not None
        self.wait(life.holder.end(STOPPED))
        self.promises.end(life, "CANCELLED")

    @precondition(_some(_held))
    @rule(drawn=data())
    def it_asks_a_person(self, drawn: DataObject) -> None:
        life, holder = self.held(drawn)
        if self.parks(life, holder, Wait(for_person=True)):
            life.becomes("AWAITING_INPUT")

    @precondition(_some(lambda one: one.status == "AWAITING_INPUT"))
    @rule(drawn=data())
    def the_person_answers(self, drawn: DataObject) -> None:
        life = self.one(drawn, lambda one: one.status == "AWAITING_INPUT")

        async def answer(session: Any) -> None:
            row = await get_execution(session, self.user, life.id)
            assert row is not None
            await resume(session, row)

        self.transact(answer)
        life.becomes("QUEUED")

    @precondition(_some(_held))
    @rule(drawn=data(), both=booleans())
    def it_waits_for_children(self, drawn: DataObject, both: bool) -> None:
        """Its status stays as it is, and nobody holds it."""
        life, holder = self.held(drawn)
        children: list[Life] = []

        async def open_(session: Any, run: Any) -> None:
            row = await start_child(session, run, Share(None, None), {"input": "y", "parent_step": 1})
            children.append(Life(row.id, ["QUEUED"], parent=life))

        waits = [Wait(for_person=False, open=open_)] * (1 + both)
        if self.parks(life, holder, *waits):
            life.let_go()
            self.promises.lives += children

    @precondition(_some(_held))
    @rule(drawn=data())
    def its_lease_runs_out(self, drawn: DataObject) -> None:
        life, _ = self.held(drawn)
        self.system("update executions set lease_until = now() - interval '1 s' where id = :id", id=life.id)
        self.wait(sweep_lost_runs(self.db))
        is_last = life.attempt == MOST_ATTEMPTS
        life.attempt += life.status == "RUNNING" and not is_last
        self.leaves(life, "FAILED" if is_last else "QUEUED")

    @precondition(_some(lambda one: one.is_live and one.status != "CANCELLING"))
    @rule(drawn=data())
    def its_deadline_passes(self, drawn: DataObject) -> None:
        """Whoever holds it sees to that, or any worker."""
        life = self.one(drawn, lambda one: one.is_live and one.status != "CANCELLING")
        self.system("update executions set deadline = now() - interval '1 s' where id = :id", id=life.id)
        self.wait(end_late_runs(self.db))
        if life.holder is not None:
            self.wait(life.holder.end(LATE))
        self.promises.end(life, "FAILED")

    @precondition(_some(lambda one: bool(one.lost)))
    @rule(drawn=data())
    def a_lost_worker_wakes(self, drawn: DataObject) -> None:
        """It writes nothing, and ends nothing."""
        life = self.one(drawn, lambda one: bool(one.lost))
        late = life.lost[-1]
        entry = late.entry()
        entry.begin(late.step(1, StepKind.THINKING))
        assert self.said(life, late.write(entry)) is LeaseLost
        assert self.said(life, late.end(answered("late"), late.entry())) is LeaseLost

    def leaves(self, life: Life, status: str) -> None:
        """Its holder's hands; one that was asked to stop has stopped."""
        status = "CANCELLED" if life.status == "CANCELLING" else status
        if status in ENDED:
            self.promises.end(life, status)
        else:
            life.becomes(status)

    def parks(self, life: Life, holder: Journal, *waits: Wait) -> bool:
        async def work(_: Any) -> Any:
            return holder.entry(), waits

        return self.said(life, holder.settle(work)) is Parked

    def said(self, life: Life, work: Awaitable[None]) -> type[Exception] | None:
        async def listen() -> type[Exception] | None:
            try:
                await work
            except (LeaseLost, CancelRequested, Parked) as told:
                return type(told)
            return None

        told = self.wait(listen())
        assert (told is CancelRequested) <= (life.status == "CANCELLING")
        return told

    @invariant()
    def all_stands_as_it_was_told(self) -> None:
        """Each status is an event, in order and once; a run is held by nobody but its holder."""

        async def look() -> tuple[list[Any], list[Any]]:
            async with self.db.as_system() as session:
                return await session.all(_RUNS), await session.all(_EVENTS)

        rows, events = self.wait(look())
        logs = {run: list(log) for run, log in groupby(events, lambda event: event["stream"])}
        found = {row["id"]: row for row in rows}
        assert found.keys() == {life.id for life in self.promises.lives}
        for life in self.promises.lives:
            _check(life, found[life.id], logs[life.id])


def _check(life: Life, row: Any, log: list[Any]) -> None:
    assert (row["status"], row["attempt"]) == (life.status, life.attempt)
    assert (row["lease_owner"] is None) == (life.holder is None)
    assert (row["finished_at"] is None) == life.is_live
    assert life.status != "QUEUED" or row["blocked"] == life.is_blocked
    assert [event["seq"] for event in log] == list(range(1, row["last_seq"] + 1))
    assert list(_statuses(log)) == life.told


def _statuses(log: list[Any]) -> Iterator[str]:
    changes = (event["status"] for event in log if event["kind"] == "ExecutionStatusChanged")
    return (status for status, _ in groupby(changes))


def test_runs_live_as_was_promised(dsn: str) -> None:
    drawn = int(os.environ.get("BATON_SEED") or secrets.randbelow(2**32))
    print(f"BATON_SEED={drawn}")
    machine = seed(drawn)(type("WorldHere", (World,), {"dsn": dsn}))
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=40,
                phases=[Phase.generate],  # a failure is told as it was found: to shrink one takes minutes
                database=None,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except BaseException as error:
        error.add_note(f"The same again: BATON_SEED={drawn}")
        raise
