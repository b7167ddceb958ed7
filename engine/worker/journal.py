"""What a worker may do with the rows of a run that it holds: refused after its fence, by the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from db import leases
from db import steps as step_rows
from db.children import lock_families
from db.connection import Database
from db.executions import ExecutionRow
from db.session import Session
from engine.endings import Ending
from engine.facts import message_facts
from engine.progress import Meter, Progress
from engine.runs.aftermath import is_of_no_consequence
from engine.runs.moves import follow, move
from engine.runs.turns import write_reply
from engine.states import Cause, Status, StepKind
from engine.steps import Step
from engine.tools.tool import Wait
from engine.worker.clock import Clock
from engine.worker.entry import Entry
from engine.worker.scribe import CancelRequested, Scribe, inscribe, refusal
from errors import LeaseLost, Unavailable
from events.kinds import MessageCompleted
from ids import new_id

T = TypeVar("T")

_AT_ONCE = 0.02
"Seconds that progress waits for a word of the run to go with."
_LOCK_SECONDS = 0.5
"How long work on our own rows waits for one with the run in its hands: who wants to stop it waits as long."


class Parked(Exception):
    """The run was let go of: it waits for a person, or for its children."""


class Ends(Exception):
    """The run ends here, and why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


@dataclass(slots=True)
class Journal:
    """The pen of the worker that holds `run` under its fence."""

    db: Database
    scribe: Scribe
    clock: Clock
    run: ExecutionRow
    meter: Meter = field(default_factory=lambda: Meter(time.monotonic))
    _telling: asyncio.TimerHandle | None = None
    _tellers: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def steps(self) -> list[Step]:
        """Every step of the run, in order: all that it is resumed from."""
        async with self.db.as_user(self.run.user_id) as session:
            rows = await step_rows.steps_of(session, self.run.user_id, self.run.id)
        return [Step.of(row) for row in rows]

    def step(self, number: int, kind: StepKind, **fields: Any) -> Step:
        """A step that is to begin now."""
        return Step(
            id=new_id(),
            execution_id=self.run.id,
            number=number,
            kind=kind,
            attempt=self.run.attempt,
            started_at=self.clock.now(),
            **fields,
        )

    def again(self, step: Step, **changes: Any) -> Step:
        """A step that another attempt left open, taken up by this one."""
        return replace(step, attempt=self.run.attempt, **changes)

    def entry(self) -> Entry:
        """An empty entry of this run."""
        return Entry(self.run, self.clock.now())

    async def write(self, entry: Entry) -> None:
        """Commit an entry, with what is to be told of the run's progress.

        Raises LeaseLost, CancelRequested where the run is asked to stop, and Unavailable.
        """
        entry.progress(self.meter.take())
        if entry.is_empty:
            return
        await self.scribe.write(entry)

    async def carry_out(self, work: Callable[[Session], Awaitable[Entry]]) -> None:
        """Do work on tasks and commit it together with the entry that tells of it, or neither.

        Where it has to wait for others it is begun anew, as often as it must: the run is free in between.
        Raises LeaseLost, CancelRequested, Unavailable, and what the work does; then nothing of it remains.
        """
        progress: Progress | None = None

        async def told(session: Session) -> Entry:
            nonlocal progress
            entry = await work(session)
            progress = self.meter.take() or progress  # also where it is begun anew
            entry.progress(progress)
            return entry

        await self.scribe.carry_out(self.run, told)

    async def end(self, ending: Ending, entry: Entry | None = None) -> None:
        """The run is over; `entry` is what it says last, and all of its steps have ended. Without one it is
        broken off: steps left open have failed with it.

        Raises LeaseLost and Unavailable, and CancelRequested where there is an entry.
        """
        last = self.entry() if entry is None else entry
        last.progress(self.meter.take(is_last=True))
        if entry is None:
            await self._transact(lambda session: self._break_off(session, last, ending))
        elif is_of_no_consequence(self.run):
            await self.write(last.ended(ending))
        else:
            await self._transact(lambda session: self._conclude(session, last, ending))

    async def _break_off(self, session: Session, last: Entry, ending: Ending) -> None:
        await self._lock_family(session)
        held = await self._held(session)
        if held.status == Status.RUNNING:
            await self._inscribe(session, last)
        await move(session, held, ending)

    async def _conclude(self, session: Session, last: Entry, ending: Ending) -> None:
        """The reply is whole, behind the last piece of it in either log."""
        await self._lock_family(session)
        held = await self._hold(session)
        reply = await write_reply(session, held, ending)
        said = [] if reply is None else [MessageCompleted(message=message_facts(reply))]
        await self._inscribe(session, last.ended(ending, *said))
        await follow(session, held)

    async def _lock_family(self, session: Session) -> None:
        if self.run.parent_id is not None:
            await lock_families(session, self.run.user_id, [self.run.id])

    async def settle(self, work: Callable[[Session], Awaitable[tuple[Entry, Sequence[Wait]]]]) -> None:
        """Commit what `work` answers in its transaction; where it must wait for something, let go of the run.

        Raises Parked once that is committed, LeaseLost, CancelRequested, Unavailable, and what `work` does.
        """

        progress: Progress | None = None

        async def transaction(session: Session) -> bool:
            nonlocal progress
            held = await self._hold(session)
            entry, waits = await work(session)
            progress = self.meter.take(is_last=bool(waits)) or progress  # also where it is begun anew
            entry.progress(progress)
            await self._inscribe(session, entry)
            if waits:
                await self._park(session, held, waits)
            return bool(waits)

        is_parked = await self.db.transact(self.run.user_id, transaction, lock_seconds=_LOCK_SECONDS)
        if is_parked:
            raise Parked

    async def _park(self, session: Session, held: ExecutionRow, waits: Sequence[Wait]) -> None:
        for wait in waits:
            if wait.open is not None:
                await wait.open(session, held)
        cause = Cause.ASK if any(wait.for_person for wait in waits) else Cause.WAIT
        await move(session, held, Ending(cause))

    def report(self, percent: float | None, message: str | None = None) -> None:
        """Take up how far the run is; it is told with the next word, or by itself when its time comes."""
        self.meter.report(Progress(percent, message))
        wait = self.meter.seconds_to_wait
        if self._telling is None and wait is not None:
            self._telling = asyncio.get_running_loop().call_later(max(wait, _AT_ONCE), self._tell_progress)

    def _tell_progress(self) -> None:
        self._telling = None
        if self.meter.seconds_to_wait is not None:
            telling = asyncio.create_task(self._write_progress(), name=f"progress {self.run.id}")
            self._tellers.add(telling)
            telling.add_done_callback(self._tellers.discard)

    async def _write_progress(self) -> None:
        # Whoever may not write any more hears of it with the next word of the run itself.
        with suppress(LeaseLost, CancelRequested, Unavailable):
            await self.write(self.entry())

    async def _transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        return await self.db.transact(self.run.user_id, work)

    async def _held(self, session: Session) -> ExecutionRow:
        held = await leases.lock_held_execution(session, self.run.id, self.run.fence)
        if held is None:
            raise LeaseLost
        return held

    async def _hold(self, session: Session) -> ExecutionRow:
        held = await self._held(session)
        if held.status == Status.CANCELLING:
            raise CancelRequested
        return held

    async def _inscribe(self, session: Session, entry: Entry) -> None:
        if entry.is_empty:
            return
        written = await inscribe(session, [entry])
        if (problem := refusal(written.get(self.run.id))) is not None:
            raise problem
