"""Leases: who holds which run, and until when. Judged by Postgres' clock alone.

A holder's statements name its fence: where the fence was raised meanwhile they touch no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from db.executions import COLUMNS, HELD, OF_RUN, ExecutionRow
from db.query import Query, Row
from db.session import Session


class MemberRow(Row):
    """A run that is to be locked together with its family before anything is done to it."""

    user_id: UUID
    id: UUID


class HeldRow(Row):
    """What a worker must know of a run that it holds."""

    id: UUID
    fence: int
    status: str


class RenewedRow(HeldRow):
    """The same, the time, and how many seconds of the lease are left."""

    now: datetime
    seconds_left: float


# Locks the runs that the worker still holds, all in one statement; one that a step of its own has locked
# is passed over: nobody can take it meanwhile, and its neighbours must not wait for it.
_RENEW = Query(
    f"""
    with free as (
      select id from executions where lease_owner = :worker and id = any(:ids) and {HELD}
      for no key update skip locked
    )
    update executions as run set lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
    from free where run.id = free.id
    """
)
_HOLDS = Query(
    f"""
    select id, fence, status, clock_timestamp() as now,
      cast(extract(epoch from lease_until - clock_timestamp()) as float8) as seconds_left
    from executions
    where lease_owner = :worker and id = any(:ids) and {HELD}
    """,
    RenewedRow,
)
# Locks the runs that the worker holds, by id, and says only whether they are asked to stop.
_HOLD = Query(
    f"""
    select run.id, run.fence, run.status
    from (
      select id, fence from unnest(cast(:ids as uuid[]), cast(:fences as int[])) as given (id, fence)
      order by id
    ) as given
    cross join lateral (
      select id, fence, status from executions
      where executions.id = given.id and executions.fence = given.fence and {HELD} for no key update
    ) as run
    """,
    HeldRow,
)
# Locks the run that the worker holds: what is decided on its status holds until the commit.
_LOCK_HELD = Query(
    f"select {COLUMNS} from executions where id = :id and fence = :fence and {HELD} for no key update",
    ExecutionRow,
)
_LOST = "lease_until < clock_timestamp()"
LATE = """
    deadline is not null and status not in ('COMPLETED','FAILED','CANCELLED','CANCELLING')
    and lease_owner is null
"""
"A run that ends at its deadline, though nobody holds it."
_LATE = f"deadline < clock_timestamp() and {LATE}"
# Locks the runs whose lease ran out, of those that nobody waits for; skips what another sweeper has.
_LOCK_LOST = Query(
    f"""
    select {COLUMNS} from executions where {_LOST} and parent_id is null
    order by lease_until limit 100 for no key update skip locked
    """,
    ExecutionRow,
)
# Locks the run that the worker holds. What is under way with the old fence waits, and then counts no more.
_RENEW_FENCE = Query(
    f"""
    update executions as run
    set fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
    where id = :id and fence = :fence and lease_owner = :worker and {HELD}
    returning {OF_RUN}
    """,
    ExecutionRow,
)
_LOST_CHILDREN = Query(
    f"""
    select user_id, id from executions where {_LOST} and parent_id is not null order by lease_until limit 100
    """,
    MemberRow,
)
_LATE_RUNS = Query(f"select user_id, id from executions where {_LATE} order by deadline limit 100", MemberRow)
_IS_LOST = Query(f"select from executions where user_id = :user_id and id = :id and {_LOST}")
_IS_LATE = Query(f"select from executions where user_id = :user_id and id = :id and {_LATE}")


async def renew_leases(
    session: Session, worker: str, ids: list[UUID], lease_seconds: float
) -> list[RenewedRow]:
    """Prolong the leases of those runs that the worker still holds; the answer leaves out the others.

    One that is locked meanwhile keeps its lease as it was.
    """
    await session.run(_RENEW, worker=worker, ids=ids, lease_seconds=lease_seconds)
    return await session.all(_HOLDS, worker=worker, ids=ids)


async def renew_fence(
    session: Session, row: ExecutionRow, worker: str, lease_seconds: float
) -> ExecutionRow | None:
    """Hold a run anew, with a fence that nothing older has; None where it is held no more."""
    return await session.first(
        _RENEW_FENCE, id=row.id, fence=row.fence, worker=worker, lease_seconds=lease_seconds
    )


async def hold(session: Session, runs: Sequence[ExecutionRow]) -> dict[UUID, HeldRow]:
    """Those of the runs whose fence was not raised, locked until the commit. Needs a system transaction."""
    ids, fences = [run.id for run in runs], [run.fence for run in runs]
    return {row.id: row for row in await session.all(_HOLD, ids=ids, fences=fences)}


async def lock_held_execution(session: Session, execution_id: UUID, fence: int) -> ExecutionRow | None:
    """A held run, locked until the commit; None where the fence was raised."""
    return await session.first(_LOCK_HELD, id=execution_id, fence=fence)


async def lock_lost_executions(session: Session) -> list[ExecutionRow]:
    """Held runs without a parent whose worker let the lease run out, locked until the commit."""
    return await session.all(_LOCK_LOST)


async def lost_children(session: Session) -> list[MemberRow]:
    """Held runs with a parent whose worker let the lease run out. Nothing is locked."""
    return await session.all(_LOST_CHILDREN)


async def late_runs(session: Session) -> list[MemberRow]:
    """Runs past their deadline that nobody holds. Nothing is locked."""
    return await session.all(_LATE_RUNS)


async def is_lost(session: Session, row: ExecutionRow) -> bool:
    """Whether a locked run is held still, and its lease ran out."""
    return await session.first(_IS_LOST, user_id=row.user_id, id=row.id) is not None


async def is_late(session: Session, row: ExecutionRow) -> bool:
    """Whether a locked run is past its deadline still, and nobody holds it."""
    return await session.first(_IS_LATE, user_id=row.user_id, id=row.id) is not None
