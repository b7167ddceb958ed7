"""Families of runs as rows. A family is locked from the top: parents before children, then by id."""

from __future__ import annotations

from uuid import UUID

from db.connection import Session
from db.executions import ExecutionRow
from db.query import Query

_COLUMNS = ", ".join(ExecutionRow.columns())
_LIVE = "status not in ('COMPLETED', 'FAILED', 'CANCELLED')"

_CHILDREN = Query(
    f"""
    select {_COLUMNS} from executions
    where user_id = :user_id and parent_id = any(:parent_ids) order by created_at, id
    """,
    ExecutionRow,
)
# Locks the runs and everything above them, from the top.
_LOCK_LINES = Query(
    f"""
    with recursive line (id, parent_id) as (
      select id, parent_id from executions where user_id = :user_id and id = any(:ids)
      union
      select above.id, above.parent_id
      from executions as above join line on above.id = line.parent_id where above.user_id = :user_id
    )
    select {_COLUMNS} from executions where id in (select id from line) order by depth, id for update
    """,
    ExecutionRow,
)
# Locks the live children of these runs, which the caller has locked.
_LOCK_LIVE_CHILDREN = Query(
    f"""
    select {_COLUMNS} from executions
    where user_id = :user_id and parent_id = any(:parent_ids) and {_LIVE} order by depth, id for update
    """,
    ExecutionRow,
)


async def children_of(session: Session, user_id: UUID, parent_ids: list[UUID]) -> list[ExecutionRow]:
    """The runs that these runs have started, oldest first."""
    return await session.all(_CHILDREN, user_id=user_id, parent_ids=parent_ids)


async def lock_lines(session: Session, user_id: UUID, ids: list[UUID]) -> dict[UUID, ExecutionRow]:
    """These runs and all that are above them, locked until the commit."""
    return {row.id: row for row in await session.all(_LOCK_LINES, user_id=user_id, ids=ids)}


async def lock_live_children(session: Session, user_id: UUID, parent_ids: list[UUID]) -> list[ExecutionRow]:
    """What has not ended of the runs that these locked runs have started, locked until the commit."""
    return await session.all(_LOCK_LIVE_CHILDREN, user_id=user_id, parent_ids=parent_ids)
