"""What becomes of a run when one that it started ends, and of those that it started when it does.

Pure consequences: each function reads rows of a locked family and answers what is to happen to which of
them, one after another. `engine.runs.moves` makes it happen.
"""

from __future__ import annotations

from dataclasses import dataclass

from db import children, interrupts
from db.executions import ExecutionRow
from db.session import Session
from engine.endings import Ending, asked_to_stop
from engine.states import Cause, EndReason, Status


@dataclass(frozen=True, slots=True)
class Move:
    """What is to happen to a run."""

    row: ExecutionRow
    ending: Ending
    cancel_reason: str | None = None


async def next_cause(session: Session, run: ExecutionRow) -> Cause | None:
    """What happens to a parked run of which something was just closed; None: it waits for more."""
    is_waited_for = bool(await children.live_children(session, run))
    if run.status == Status.CANCELLING:
        return None if is_waited_for else Cause.STOP
    if await interrupts.open_interrupts(session, run.user_id, run.id):
        return None
    if is_waited_for:
        return Cause.WAIT if run.status == Status.AWAITING_INPUT else None
    return Cause.RESUME


async def after_child(session: Session, parent: ExecutionRow) -> list[Move]:
    """A run has ended that this one had started, and waits for: it may go on."""
    cause = await next_cause(session, parent)
    return [] if cause is None else [Move(parent, Ending(cause))]


async def stop_family(
    session: Session, run: ExecutionRow, reason: EndReason, cancel_reason: str | None
) -> list[Move]:
    """Ask a run to stop, and all below it: parents are told first, and have stopped last."""
    if run.status == Status.CANCELLING:
        return []
    below = await children.live_children(session, run)
    moves = [Move(run, asked_to_stop(reason, waits=bool(below)), cancel_reason)]
    for child in below:
        moves += await stop_family(session, child, reason, cancel_reason)
    return moves


async def stop_children(session: Session, run: ExecutionRow, cancel_reason: str) -> list[Move]:
    """The run goes on without its children, or has ended before them."""
    moves: list[Move] = []
    for child in await children.live_children(session, run):
        moves += await stop_family(session, child, EndReason.CANCELLED_BY_USER, cancel_reason)
    return moves
