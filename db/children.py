"""Families of runs as rows: a run, the runs that it started, and what those started.

Whoever may end a run that belongs to a family locks all of it first, from the top: parents before children,
then by id. So no two can wait for each other.
"""

from __future__ import annotations

from uuid import UUID

from db.executions import COLUMNS, OF_RUN, ExecutionRow
from db.query import Query
from db.session import Reader, Session

_LIVE = "status not in ('COMPLETED', 'FAILED', 'CANCELLED')"

_CHILDREN = Query(
    f"""
    select {COLUMNS} from executions
    where user_id = :user_id and parent_id = any(:parent_ids) order by created_at, id
    """,
    ExecutionRow,
)
_CHILD_OF_STEP = Query(
    f"""
    select {COLUMNS} from executions
    where user_id = :user_id and parent_id = :parent_id and parent_step = :step order by id desc limit 1
    """,
    ExecutionRow,
)
_LIVE_CHILDREN = Query(
    f"""
    select {COLUMNS} from executions
    where user_id = :user_id and parent_id = :parent_id and {_LIVE} order by id
    """,
    ExecutionRow,
)
# Locks the runs, all that is above them, and all below those that has not ended; from the top.
_LOCK_FAMILIES = Query(
    f"""
    with recursive above (id, parent_id) as (
      select id, parent_id from executions where user_id = :user_id and id = any(:ids)
      union
      select parent.id, parent.parent_id from executions as parent
      join above on parent.id = above.parent_id where parent.user_id = :user_id
    ), below (id) as (
      select id from above
      union
      select child.id from executions as child
      join below on child.parent_id = below.id
      where child.user_id = :user_id and child.status not in ('COMPLETED', 'FAILED', 'CANCELLED')
    )
    select {COLUMNS} from executions where id in (select id from below) order by depth, id for no key update
    """,
    ExecutionRow,
)
# Belongs to whoever has locked the family.
_ADD_USAGE = Query(
    f"""
    update executions as run
    set input_tokens = run.input_tokens + child.input_tokens,
        output_tokens = run.output_tokens + child.output_tokens,
        requests = run.requests + child.requests, cost = run.cost + child.cost
    from executions as child
    where child.user_id = :user_id and child.id = :id and run.user_id = :user_id and run.id = :to_id
    returning {OF_RUN}
    """,
    ExecutionRow,
)

# Belongs to whoever has inserted the run.
_BEGIN = Query(
    f"""
    update executions
    set status = 'RUNNING', attempt = 1, started_at = clock_timestamp(), last_seq = last_seq + 1
    where user_id = :user_id and id = :id
    returning {COLUMNS}
    """,
    ExecutionRow,
)
_PROGRESS = Query(
    f"""
    update executions
    set progress_percent = :percent, progress_message = :message, progress_at = clock_timestamp(),
        last_seq = last_seq + 1
    where user_id = :user_id and id = :id
    returning {COLUMNS}
    """,
    ExecutionRow,
)


async def children_of(reader: Reader, user_id: UUID, parent_ids: list[UUID]) -> list[ExecutionRow]:
    """The runs that these runs have started, oldest first."""
    return await reader.all(_CHILDREN, user_id=user_id, parent_ids=parent_ids)


async def child_of_step(session: Session, parent: ExecutionRow, step: int) -> ExecutionRow | None:
    """The run that this step of `parent` has started."""
    return await session.first(_CHILD_OF_STEP, user_id=parent.user_id, parent_id=parent.id, step=step)


async def live_children(session: Session, parent: ExecutionRow) -> list[ExecutionRow]:
    """What has not ended of the runs that this run has started, oldest first."""
    return await session.all(_LIVE_CHILDREN, user_id=parent.user_id, parent_id=parent.id)


async def lock_families(session: Session, user_id: UUID, ids: list[UUID]) -> dict[UUID, ExecutionRow]:
    """These runs, all above them and all that lives below, parents first, locked until the commit.

    To be called before anything else is locked.
    """
    known: dict[UUID, ExecutionRow] = {}
    while True:
        found = await session.all(_LOCK_FAMILIES, user_id=user_id, ids=ids)
        if known.keys() >= {row.id for row in found}:
            return {row.id: row for row in found}
        # While we waited for a run, it may have started others.
        known = {row.id: row for row in found}


async def add_usage(session: Session, row: ExecutionRow, to_id: UUID) -> ExecutionRow:
    """What an ended run has used counts as used by another one of its family: answers that one."""
    return await session.one(_ADD_USAGE, user_id=row.user_id, id=row.id, to_id=to_id)


async def write_progress(session: Session, row: ExecutionRow, percent: float, message: str) -> ExecutionRow:
    """How far a run is that is locked and that nobody holds, with one seq of its log."""
    return await session.one(_PROGRESS, user_id=row.user_id, id=row.id, percent=percent, message=message)


async def begin_pipeline(session: Session, row: ExecutionRow) -> ExecutionRow:
    """A pipeline is under way from the start, and nobody holds it. Takes one seq."""
    return await session.one(_BEGIN, user_id=row.user_id, id=row.id)
