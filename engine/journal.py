"""What a worker may write of a run that it holds: each word one transaction, refused after its fence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from db import executions as rows
from db import steps as step_rows
from db.connection import Database, Session
from db.executions import ExecutionRow
from db.steps import StepRow
from engine.facts import status_fact, step_facts
from engine.log import append
from engine.models.decisions import Progress
from engine.states import TERMINAL, EndReason, Status, StepKind, StepStatus, check_transition
from errors import LeaseLost
from events.kinds import ProgressReported, StepFinished, StepStarted
from ids import new_id

T = TypeVar("T")

QUEUE_TOPIC = "queue"
"Hinted when a run is ready to be claimed."


class CancelRequested(Exception):
    """The run was asked to stop."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went: a result, a text, or an error for people to read."""

    result: Any = None
    text: str | None = None
    error: str | None = None

    @property
    def status(self) -> StepStatus:
        """COMPLETED, unless there is an error."""
        return StepStatus.COMPLETED if self.error is None else StepStatus.FAILED


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends, or QUEUED: where it is left to another worker."""

    status: Status
    reason: EndReason | None = None
    result: Any = None
    error: str | None = None
    is_no_loss: bool = False
    "Queued again in good order: this attempt does not count towards the cap."


STOPPED = Ending(Status.CANCELLED, EndReason.CANCELLED_BY_USER)


@dataclass(frozen=True, slots=True)
class Journal:
    """The pen of the worker that holds `run` under its fence."""

    db: Database
    run: ExecutionRow

    async def ended_steps(self) -> list[StepRow]:
        """Every step that has its outcome, in order: all that a run is resumed from.

        One that a lost attempt left open is decided anew, and begun again under its number.
        """
        async with self.db.as_user(self.run.user_id) as session:
            steps = await step_rows.steps_of(session, self.run.user_id, self.run.id)
        return [step for step in steps if step.status != StepStatus.RUNNING]

    async def begin(self, number: int, kind: StepKind, fields: Mapping[str, Any]) -> StepRow:
        """A step's row and its event, before its work. `fields`: tool_name, input, text.

        Raises LeaseLost, and CancelRequested where the run is asked to stop.
        """

        async def write(session: Session) -> StepRow:
            seq = await self._advance(session)
            begun = {**_NOTHING_SAID, **fields, **self._names(), "id": new_id(), "kind": kind.value}
            step = await step_rows.start_step(
                session, begun | {"number": number, "attempt": self.run.attempt, "seq": seq}
            )
            fact = StepStarted(execution_id=self.run.id, step=step_facts(step))
            await append(session, self.run.id, self.run.user_id, seq, [fact])
            return step

        return await self._transact(write)

    async def finish(
        self, step: StepRow, work: Callable[[Session], Awaitable[Outcome]], progress: Progress | None = None
    ) -> StepRow:
        """Do a step's work and record its outcome, in one transaction: both are there or neither is.

        Raises LeaseLost and CancelRequested; then nothing of the work remains.
        """

        async def write(session: Session) -> StepRow:
            seq = await self._advance(session)
            finished = await self._record(session, step, await work(session), seq)
            if progress is not None:
                await self._report(session, progress)
            return finished

        return await self._transact(write)

    async def end(self, ending: Ending) -> None:
        """Let go of the run: it ends, or waits for another worker. A step left open has failed with it.

        Raises LeaseLost.
        """
        await self._transact(lambda session: end_run(session, self.run, ending))

    async def conclude(self, step: StepRow, text: str) -> None:
        """The final answer: its step and the end of the run in one transaction."""

        async def write(session: Session) -> None:
            seq = await self._advance(session)
            await self._record(session, step, Outcome(text=text), seq)
            await end_run(session, self.run, Ending(Status.COMPLETED, EndReason.FINAL_ANSWER, result=text))

        await self._transact(write)

    async def _transact(self, write: Callable[[Session], Awaitable[T]]) -> T:
        return await self.db.transact(self.run.user_id, write)

    async def _advance(self, session: Session) -> int:
        advanced = await rows.advance(session, self.run.id, self.run.fence, 1)
        if advanced is None:
            raise LeaseLost
        if advanced.status == Status.CANCELLING:
            raise CancelRequested
        return advanced.last_seq

    async def _record(self, session: Session, step: StepRow, outcome: Outcome, seq: int) -> StepRow:
        return await record_step(session, self.run, step, outcome, seq)

    async def _report(self, session: Session, progress: Progress) -> None:
        row = await rows.write_progress(
            session, self.run.id, self.run.fence, progress.percent, progress.message
        )
        if row is None or row.progress_at is None:
            raise LeaseLost
        fact = ProgressReported(
            execution_id=row.id, percent=progress.percent, message=progress.message, at=row.progress_at
        )
        await append(session, row.id, row.user_id, row.last_seq, [fact])

    def _names(self) -> dict[str, UUID]:
        return {"execution_id": self.run.id, "user_id": self.run.user_id}


_NOTHING_SAID = {"tool_name": None, "input": None, "text": None}


async def record_step(
    session: Session, run: ExecutionRow, step: StepRow, outcome: Outcome, seq: int
) -> StepRow:
    """Write a step's outcome and the event that tells of it."""
    finished = await step_rows.finish_step(
        session,
        {
            "execution_id": run.id,
            "user_id": run.user_id,
            "number": step.number,
            "status": outcome.status.value,
            "result": outcome.result,
            "text": outcome.text,
            "error": outcome.error,
            "seq": seq,
        },
    )
    fact = StepFinished(execution_id=run.id, step=step_facts(finished))
    await append(session, run.id, run.user_id, seq, [fact])
    return finished


async def end_run(session: Session, run: ExecutionRow, ending: Ending) -> ExecutionRow:
    """Take a held run out of its worker's hands, with its last event. Raises LeaseLost."""
    held = await rows.lock_held_execution(session, run.id, run.fence)
    if held is None:
        raise LeaseLost
    if held.status == Status.CANCELLING:
        ending = STOPPED  # whatever else its worker had to say of it
    check_transition(Status(held.status), ending.status)
    ended = ending.status in TERMINAL
    if ended:
        await _close_open_step(session, run, ending)
    row = await rows.release_execution(
        session,
        run.id,
        run.fence,
        {
            "status": ending.status.value,
            "end_reason": ending.reason and ending.reason.value,
            "result": ending.result,
            "error": ending.error,
            "ended": ended,
            "more_attempts": int(ending.is_no_loss),
        },
    )
    if row is None:
        raise LeaseLost
    await append(session, row.id, row.user_id, row.last_seq, [status_fact(row)])
    if not ended:
        session.hint(QUEUE_TOPIC)
    return row


async def _close_open_step(session: Session, run: ExecutionRow, ending: Ending) -> None:
    step = await step_rows.open_step(session, run.user_id, run.id)
    if step is None:
        return
    advanced = await rows.advance(session, run.id, run.fence, 1)
    if advanced is None:
        raise LeaseLost
    error = ending.error or "The run was stopped before this step ended."
    await record_step(session, run, step, Outcome(error=error), advanced.last_seq)
