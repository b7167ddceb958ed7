"""A run goes from one status to another: its row, its events and all that follows from it are one commit."""

from __future__ import annotations

from db import executions as rows
from db import interrupts as interrupt_rows
from db import queue
from db import steps as step_rows
from db.executions import ExecutionRow
from db.session import Session
from engine.endings import Ending
from engine.log import append, count, tell_status
from engine.runs.aftermath import after_end
from engine.runs.interrupts import close_interrupts
from engine.states import (
    TERMINAL,
    Cause,
    EndReason,
    Hands,
    InterruptStatus,
    Status,
    after,
    hands_after,
)
from engine.steps import UNKNOWN, Outcome, Step
from engine.topics import CANCEL_TOPIC, QUEUE_TOPIC
from events.kinds import StepFinished

_HINTS = {Status.QUEUED: QUEUE_TOPIC, Status.CANCELLING: CANCEL_TOPIC}
_LEFT_OPEN = "The run was stopped before this step ended."


def hands_of(row: ExecutionRow) -> Hands:
    """Whether a worker holds the run."""
    return Hands.FREE if row.lease_owner is None else Hands.HELD


async def move(
    session: Session, row: ExecutionRow, ending: Ending, *, cancel_reason: str | None = None
) -> ExecutionRow:
    """What happens to a locked run, by the state machine. Raises WrongTransition.

    Its status, the events that tell of it, the end of its open steps and what else follows from its end
    are written in this transaction. Where it may end, its whole family is locked (`db.children`).
    """
    status = after(Status(row.status), hands_of(row), ending.cause)
    ended = status in TERMINAL
    if row.status == Status.AWAITING_INPUT and status is not Status.QUEUED:
        await _ask_no_more(session, row)
    if ended:
        row = await _close_open_steps(session, row, ending.error or _LEFT_OPEN)
    moved = await rows.move_execution(
        session,
        row,
        {
            "status": status.value,
            "end_reason": _reason(row, status, ending),
            "cancel_reason": cancel_reason,
            "result": ending.result if status is Status.COMPLETED else None,
            "error": ending.error if status is Status.FAILED else None,
            "losses": int(ending.cause is Cause.LOSS and status is Status.QUEUED),
            "held": hands_after(hands_of(row), ending.cause) is Hands.HELD,
            "ended": ended,
        },
    )
    await tell_status(session, moved)
    if status in _HINTS:
        session.hint(_HINTS[status])
    if ended:
        await follow(session, moved)
    return moved


async def follow(session: Session, row: ExecutionRow) -> None:
    """All that follows from the end of this run, which was written in this transaction."""
    for one in await after_end(session, row):
        await move(session, one.row, one.ending, cancel_reason=one.cancel_reason)


def _reason(row: ExecutionRow, status: Status, ending: Ending) -> str | None:
    """Why it ended. A run that was asked to stop keeps the reason of who asked."""
    if status in {Status.CANCELLED, Status.CANCELLING}:
        return row.end_reason or (ending.reason or EndReason.CANCELLED_BY_USER).value
    return None if ending.reason is None else ending.reason.value


async def resume(session: Session, row: ExecutionRow) -> ExecutionRow:
    """What a parked run waited for is there: queue it again, with the rank that it had. It is locked."""
    return await move(session, row, Ending(Cause.RESUME))


async def make_ready(session: Session, row: ExecutionRow) -> ExecutionRow:
    """The time of a scheduled run has come: it takes its place in the queue. It is locked."""
    if row.lock_key is not None:
        await queue.lock_key(session, row.user_id, row.lock_key)
    await queue.place(session, row)
    return await move(session, row, Ending(Cause.DUE))


async def _ask_no_more(session: Session, row: ExecutionRow) -> None:
    """What is still open was not answered, and need not be any more."""
    asked = await interrupt_rows.open_interrupts(session, row.user_id, row.id)
    await close_interrupts(session, row, asked, InterruptStatus.CANCELLED)


async def _close_open_steps(session: Session, row: ExecutionRow, error: str) -> ExecutionRow:
    """No step of a run that has ended is RUNNING. Of a call that may have taken effect nobody knows."""
    steps = await step_rows.open_steps(session, row.user_id, row.id)
    if not steps:
        return row
    advanced = await rows.advance(session, row, len(steps))
    for seq, step in enumerate(steps, advanced.last_seq - len(steps) + 1):
        outcome = UNKNOWN if Step.of(step).is_hidden else Outcome(error=error)
        fields = {"status": outcome.status.value, "error": outcome.error, "seq": seq}
        closed = await step_rows.close_step(session, step, row.user_id, fields)
        fact = StepFinished(execution_id=row.id, step=Step.of(closed).facts())
        await append(session, row.id, row.user_id, seq, [fact])
        count(session, [fact])
    return advanced
