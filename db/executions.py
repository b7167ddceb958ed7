"""Runs as rows: a row is the state machine, the place in the queue, the lease and the counter of the log.

Leases are judged by Postgres' clock alone. A worker's statements name its fence: where the fence was
raised meanwhile they touch no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam
from sqlalchemy.dialects.postgresql import JSONB

from db.connection import Reader, Session
from db.paging import Listing
from db.query import Query, Row
from db.tables import Execution


class ExecutionRow(Row):
    """A run as it stands."""

    id: UUID
    user_id: UUID
    task_id: UUID | None
    parent_id: UUID | None
    agent_id: UUID | None
    agent_version_id: UUID | None
    conversation_id: UUID | None
    reply_id: UUID | None
    input: str
    time_zone: str
    priority: int
    metadata: dict[str, Any] | None
    status: str
    end_reason: str | None
    result: Any
    error: str | None
    progress_percent: float | None
    progress_message: str | None
    progress_at: datetime | None
    attempt: int
    max_attempts: int
    last_seq: int
    fence: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class HeldRow(Row):
    """What the renewal of a lease tells the worker of one run."""

    id: UUID
    fence: int
    status: str


class AdvancedRow(Row):
    """A fresh seq of a run's log, and what the run is asked to do."""

    last_seq: int
    status: str


_COLUMNS = ", ".join(ExecutionRow.columns())
_QUALIFIED = ", ".join(f"run.{name}" for name in ExecutionRow.columns())
_HELD = "status in ('RUNNING', 'CANCELLING')"

EXECUTIONS = Listing(
    ExecutionRow,
    Execution,
    where=Execution.user_id == bindparam("user_id", required=True),
    orders={"CREATED_AT": Execution.created_at},
    filters={
        "status": Execution.status == bindparam("status", type_=ARRAY(Text), required=True).any_(),
        "task_id": Execution.task_id == bindparam("task_id", required=True),
        "agent_id": Execution.agent_id == bindparam("agent_id", required=True),
        "conversation_id": Execution.conversation_id == bindparam("conversation_id", required=True),
        "created_after": Execution.created_at > bindparam("created_after", required=True),
        "created_before": Execution.created_at < bindparam("created_before", required=True),
        "metadata": Execution.meta.contains(bindparam("metadata", type_=JSONB, required=True)),
    },
)

_INSERT = Query(
    f"""
    insert into executions (id, user_id, task_id, retry_of, input, time_zone, priority, metadata, last_seq)
    values (:id, :user_id, :task_id, :retry_of, :input, :time_zone, :priority, :metadata, 1)
    returning {_COLUMNS}
    """,
    ExecutionRow,
)
_GET = Query(f"select {_COLUMNS} from executions where user_id = :user_id and id = :id", ExecutionRow)
_GET_MANY = Query(
    f"select {_COLUMNS} from executions where user_id = :user_id and id = any(:ids)", ExecutionRow
)
# Locks the run: its status cannot change before the commit.
_LOCK = Query(
    f"select {_COLUMNS} from executions where user_id = :user_id and id = :id for update", ExecutionRow
)
# Locks the run that it changes. Only for a run that no worker holds, or that is asked to stop.
_SETTLE = Query(
    f"""
    update executions
    set status = :status, end_reason = :end_reason, cancel_reason = :cancel_reason, last_seq = last_seq + 1,
        finished_at = case when cast(:ended as boolean) then clock_timestamp() end
    where user_id = :user_id and id = :id
    returning {_COLUMNS}
    """,
    ExecutionRow,
)
_QUEUED_BEFORE = Query(
    """
    select (
      select count(*) from executions as other
      where other.status = 'QUEUED'
        and (-other.priority, other.queued_at, other.id) < (-mine.priority, mine.queued_at, mine.id)
    ) as position
    from executions as mine where mine.id = :id and mine.user_id = :user_id and mine.status = 'QUEUED'
    """
)
# Locks the rows it takes and skips those that another worker is taking: no run has two owners.
_CLAIM = Query(
    f"""
    with ready as (
      select id from executions where status = 'QUEUED'
      order by priority desc, queued_at, id limit :slots for update skip locked
    )
    update executions as run
    set status = 'RUNNING', lease_owner = :worker, attempt = attempt + 1, fence = fence + 1,
        lease_until = clock_timestamp() + make_interval(secs => :lease_seconds),
        last_seq = last_seq + 1, started_at = coalesce(started_at, clock_timestamp())
    from ready where run.id = ready.id
    returning {_QUALIFIED}
    """,
    ExecutionRow,
)
# Locks the runs that the worker still holds, all in one statement; one that a step of its own has locked
# is passed over: nobody can take it meanwhile, and its neighbours must not wait for it.
_RENEW = Query(
    f"""
    with free as (
      select id from executions where lease_owner = :worker and id = any(:ids) and {_HELD}
      for no key update skip locked
    )
    update executions as run set lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
    from free where run.id = free.id
    """
)
_HOLDS = Query(
    f"select id, fence, status from executions where lease_owner = :worker and id = any(:ids) and {_HELD}",
    HeldRow,
)
# Locks the run that the worker holds: what is decided on its status holds until the commit.
_LOCK_HELD = Query(
    f"select id, fence, status from executions where id = :id and fence = :fence and {_HELD} for update",
    HeldRow,
)
# Locks the runs whose lease ran out and skips those that another sweeper has.
_LOCK_LOST = Query(
    f"""
    select {_COLUMNS} from executions where lease_until < clock_timestamp()
    order by lease_until limit 100 for update skip locked
    """,
    ExecutionRow,
)
# Locks the run that the worker holds: its log is written by one transaction after another.
_ADVANCE = Query(
    f"""
    update executions set last_seq = last_seq + :count where id = :id and fence = :fence and {_HELD}
    returning last_seq, status
    """,
    AdvancedRow,
)
_PROGRESS = Query(
    f"""
    update executions
    set last_seq = last_seq + 1, progress_percent = :percent, progress_message = :message,
        progress_at = clock_timestamp()
    where id = :id and fence = :fence and {_HELD}
    returning {_COLUMNS}
    """,
    ExecutionRow,
)
# Locks the run and lets go of it: no worker's word counts after.
_RELEASE = Query(
    f"""
    update executions
    set status = :status, end_reason = :end_reason, result = :result, error = :error,
        fence = fence + 1, lease_owner = null, lease_until = null, last_seq = last_seq + 1,
        finished_at = case when cast(:ended as boolean) then clock_timestamp() end,
        max_attempts = max_attempts + cast(:more_attempts as int)
    where id = :id and fence = :fence and {_HELD}
    returning {_COLUMNS}
    """,
    ExecutionRow,
)


async def insert_execution(session: Session, fields: Mapping[str, object]) -> ExecutionRow:
    """A queued run whose log is to begin with seq 1.

    `fields`: id, user_id, task_id, retry_of, input, time_zone, priority, metadata.
    """
    return await session.one(_INSERT, **fields)


async def get_execution(reader: Reader, user_id: UUID, execution_id: UUID) -> ExecutionRow | None:
    """The run, if it is there and this user's."""
    return await reader.first(_GET, user_id=user_id, id=execution_id)


async def get_executions(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[ExecutionRow]:
    """Those of the runs that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def lock_execution(session: Session, user_id: UUID, execution_id: UUID) -> ExecutionRow | None:
    """The run, locked until the commit."""
    return await session.first(_LOCK, user_id=user_id, id=execution_id)


async def settle_execution(session: Session, row: ExecutionRow, fields: Mapping[str, object]) -> ExecutionRow:
    """Give a locked run another status: status, end_reason, cancel_reason, ended. Takes one seq."""
    return await session.one(_SETTLE, user_id=row.user_id, id=row.id, **fields)


async def queue_position(session: Session, user_id: UUID, execution_id: UUID) -> int | None:
    """How many runs, of anybody, are claimed before this user's one; None where it is not queued.

    Needs a system transaction.
    """
    row = await session.first(_QUEUED_BEFORE, user_id=user_id, id=execution_id)
    return None if row is None else row["position"]


async def claim_executions(
    session: Session, worker: str, slots: int, lease_seconds: float
) -> list[ExecutionRow]:
    """Take up to `slots` queued runs: they are RUNNING, leased and fenced, and each took one seq."""
    return await session.all(_CLAIM, worker=worker, slots=slots, lease_seconds=lease_seconds)


async def renew_leases(session: Session, worker: str, ids: list[UUID], lease_seconds: float) -> list[HeldRow]:
    """Prolong the leases of those runs that the worker still holds; the answer leaves out the others."""
    await session.run(_RENEW, worker=worker, ids=ids, lease_seconds=lease_seconds)
    return await session.all(_HOLDS, worker=worker, ids=ids)


async def lock_held_execution(session: Session, execution_id: UUID, fence: int) -> HeldRow | None:
    """A held run, locked until the commit; None where the fence was raised."""
    return await session.first(_LOCK_HELD, id=execution_id, fence=fence)


async def lock_lost_executions(session: Session) -> list[ExecutionRow]:
    """Held runs whose worker let the lease run out, locked until the commit."""
    return await session.all(_LOCK_LOST)


async def advance(session: Session, execution_id: UUID, fence: int, count: int) -> AdvancedRow | None:
    """The last of `count` fresh seqs of a held run; None where the fence was raised."""
    return await session.first(_ADVANCE, id=execution_id, fence=fence, count=count)


async def write_progress(
    session: Session, execution_id: UUID, fence: int, percent: float | None, message: str | None
) -> ExecutionRow | None:
    """Progress of a held run, with one seq; None where the fence was raised."""
    return await session.first(_PROGRESS, id=execution_id, fence=fence, percent=percent, message=message)


async def release_execution(
    session: Session, execution_id: UUID, fence: int, fields: Mapping[str, object]
) -> ExecutionRow | None:
    """End a held run or queue it again, with one seq; None where the fence was raised.

    `fields`: status, end_reason, result, error, ended, more_attempts.
    """
    return await session.first(_RELEASE, id=execution_id, fence=fence, **fields)
