"""The time of an interrupt is over: its run ends. Judged by Postgres' clock."""

from __future__ import annotations

from db import interrupts as rows
from db.executions import ExecutionRow
from db.session import Session
from engine.endings import failed
from engine.runs.interrupts import close_interrupts
from engine.runs.moves import move
from engine.states import EndReason, InterruptStatus, Status

UNANSWERED = failed(EndReason.INPUT_EXPIRED, "Nobody answered in time.")


async def expire_run(session: Session, run: ExecutionRow) -> ExecutionRow:
    """End a run, whose family is locked, if one of its interrupts was not answered in time."""
    if run.status != Status.AWAITING_INPUT:
        return run
    due = await rows.due_interrupts(session, run.user_id, run.id)
    if not due:
        return run
    await close_interrupts(session, run, due, InterruptStatus.EXPIRED)
    return await move(session, run, UNANSWERED)
