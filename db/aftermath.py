"""What the end of a run may leave to be done, as one question: mostly it leaves nothing."""

from __future__ import annotations

from db.executions import ExecutionRow
from db.query import Query, Row
from db.queue import IS_NEXT_WANTED
from db.session import Session

_LIVE = "status not in ('COMPLETED', 'FAILED', 'CANCELLED')"


class LeftRow(Row):
    """What is left of a run that has ended."""

    messages: bool
    "It was handed some that it did not take up."
    turn: bool
    "The next run of its lock key can have its turn."
    children: bool
    "Runs that it started go on."


WHAT_IS_LEFT = Query(
    f"""
    select
      exists (
        select from messages where user_id = :user_id and steers_id = :id and steered_at is null
      ) as messages,
      exists ({IS_NEXT_WANTED}) as turn,
      exists (
        select from executions where user_id = :user_id and parent_id = :id and {_LIVE}
      ) as children
    """,
    LeftRow,
)


async def what_is_left(session: Session, row: ExecutionRow, key: str | None) -> LeftRow:
    """What the run leaves; `key`: whose turn it had, the lock of which is held."""
    return await session.one(WHAT_IS_LEFT, user_id=row.user_id, id=row.id, lock_key=key)
