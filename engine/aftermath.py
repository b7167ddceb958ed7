"""What else changes when a run has ended, in the same transaction."""

from __future__ import annotations

from db import queue
from db.connection import Session
from db.executions import ExecutionRow


def is_of_no_consequence(row: ExecutionRow) -> bool:
    """Whether nothing but the run itself changes when it ends."""
    return row.lock_key is None and row.parent_id is None and row.conversation_id is None


async def after_end(session: Session, row: ExecutionRow) -> bool:
    """Carry out what follows from the end of this run, which is locked. Whether a run became ready by it."""
    if row.lock_key is None or row.blocked:
        return False
    await queue.lock_key(session, row.user_id, row.lock_key)
    return await queue.unblock_next(session, row.user_id, row.lock_key)
