"""What else changes when a run has ended, in the same transaction."""

from __future__ import annotations

from uuid import UUID

from db import children, queue
from db.aftermath import what_is_left
from db.executions import ExecutionRow
from db.session import Session
from engine.runs.families import Move, after_child, stop_children
from engine.runs.stages import after_run
from engine.runs.turns import after_turn
from engine.states import TERMINAL
from engine.topics import QUEUE_TOPIC

_STOPPED_WITH = "The run that started it has ended."


def is_of_no_consequence(row: ExecutionRow) -> bool:
    """Whether nothing but the run itself changes when it ends."""
    return row.lock_key is None and row.parent_id is None and row.conversation_id is None


async def after_end(session: Session, row: ExecutionRow) -> list[Move]:
    """Carry out what follows from the end of a run whose family is locked; answers what else is to happen."""
    key = None if row.blocked else row.lock_key
    if key is not None:
        await queue.lock_key(session, row.user_id, key)
    left = await what_is_left(session, row, key)
    if left.messages:
        await after_turn(session, row)
    if key is not None and left.turn:
        await _pass_turn_on(session, row.user_id, key)
    moves = await stop_children(session, row, _STOPPED_WITH) if left.children else []
    if row.parent_id is None:
        return moves
    parent = await _book(session, row, row.parent_id)
    if parent.status in TERMINAL or parent.lease_owner is not None:
        return moves
    follow = after_run if parent.kind == "PIPELINE" else after_child
    return [*moves, *await follow(session, parent)]


async def _book(session: Session, row: ExecutionRow, parent_id: UUID) -> ExecutionRow:
    """What the run used counts as used by its parent, too; beyond one that has ended, by the next above."""
    parent = above = await children.add_usage(session, row, parent_id)
    while above.status in TERMINAL and above.parent_id is not None:
        above = await children.add_usage(session, row, above.parent_id)
    return parent


async def _pass_turn_on(session: Session, user_id: UUID, key: str) -> None:
    if await queue.unblock_next(session, user_id, key):
        session.hint(QUEUE_TOPIC)
