"""The queue: runs that are ready, by rank.

A run's rank is a moment, given once, when it becomes ready. Whatever waits grows older than whatever comes,
so nothing starves; HIGH counts as if it had come five minutes earlier and LOW five later; and each further
run that one user has in the queue counts as if it came a minute after the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from db.executions import COLUMNS, OF_RUN, ExecutionRow
from db.query import Query, Row
from db.session import Session
from telemetry import tracing

HEAD_START_SECONDS = 300
"What a step of priority is worth in the queue."
TURN_SECONDS = 60
"How far one user's runs of one priority stand apart."


class QueueRow(Row):
    """How the queue stands."""

    runs: int
    "That a worker could claim now."
    age: float
    "Seconds that the oldest of them has waited."


class ClaimedRow(ExecutionRow):
    """A run that a worker has just taken."""

    may_have_steps: bool
    "It was carried before, or kept those of the run that it retries."
    now: datetime


_LIVE = "status not in ('COMPLETED', 'FAILED', 'CANCELLED')"
_RANK = f"""
    greatest(
      clock_timestamp() + (2 - cast(:priority as int)) * interval '{HEAD_START_SECONDS} seconds',
      (select max(rank) from executions
       where user_id = :user_id and priority = :priority and status = 'QUEUED')
      + interval '{TURN_SECONDS} seconds')
"""
# A run of the key is under way: neither scheduled for later, nor one that waits for its turn.
_KEY_TAKEN = f"""
    exists (select from executions
            where user_id = :user_id and lock_key = :lock_key and {_LIVE} and status <> 'SCHEDULED'
              and not blocked)
"""

# An advisory lock of this user's key: whether it is free, and whose turn it is, are decided one at a time.
_LOCK_KEY = Query(
    """
    select pg_advisory_xact_lock(
      hashtextextended(cast(cast(:user_id as uuid) as text) || ' ' || cast(:lock_key as text), 0))
    """
)
_INSERT = Query(
    f"""
    insert into executions
      (id, user_id, task_id, retry_of, parent_id, parent_step, depth, kind, name, stage, stages, agent_id,
       agent_version_id, conversation_id, reply_id, schedule_id, schedule_tick, input, time_zone, priority,
       metadata, lock_key, start_at, deadline, budget_tokens, budget_cost, budget_steps, status, rank,
       blocked, last_seq, trace_context)
    select
      :id, :user_id, :task_id, :retry_of, :parent_id, :parent_step, :depth, :kind, :name, :stage, :stages,
      :agent_id, :agent_version_id, :conversation_id, :reply_id, :schedule_id, :schedule_tick, :input,
      :time_zone, :priority, :metadata, :lock_key, :start_at, :deadline, :budget_tokens, :budget_cost,
      :budget_steps,
      case when cast(:start_at as timestamptz) > clock_timestamp() then 'SCHEDULED' else 'QUEUED' end,
      {_RANK}, cast(:lock_key as text) is not null and {_KEY_TAKEN}, 1,
      :trace_context
    returning {COLUMNS}
    """,
    ExecutionRow,
)
# Locks the runs that are due and skips those that another worker has.
_LOCK_DUE = Query(
    f"""
    select {COLUMNS} from executions where status = 'SCHEDULED' and start_at <= clock_timestamp()
    order by start_at, id limit 100 for no key update skip locked
    """,
    ExecutionRow,
)
_PLACE = Query(
    f"""
    update executions
    set rank = {_RANK}, blocked = cast(:lock_key as text) is not null and {_KEY_TAKEN}
    where user_id = :user_id and id = :id
    """
)
# Locks the next run of a key, waiting for whoever has it: it may be about to end, and then another is next.
_LOCK_NEXT = Query(
    """
    select id from executions
    where user_id = :user_id and lock_key = :lock_key and status = 'QUEUED' and blocked
    order by id limit 1 for no key update
    """
)
IS_NEXT_WANTED = f"""
    select from executions
    where user_id = :user_id and lock_key = :lock_key and status = 'QUEUED' and blocked and not {_KEY_TAKEN}
    limit 1
"""
_IS_NEXT_WANTED = Query(IS_NEXT_WANTED)
_UNBLOCK = Query(
    """
    update executions set blocked = false, queued_at = clock_timestamp()
    where user_id = :user_id and id = :id
    """
)
_QUEUED_BEFORE = Query(
    """
    select mine.id, (
      select count(*) from executions as other
      where other.status = 'QUEUED' and not other.blocked and (other.rank, other.id) < (mine.rank, mine.id)
    ) as position
    from executions as mine where mine.id = any(:ids) and mine.user_id = :user_id and mine.status = 'QUEUED'
    """
)
_STANDING = Query(
    """
    select count(*) as runs,
      cast(coalesce(extract(epoch from clock_timestamp() - min(queued_at)), 0) as float8) as age
    from executions where status = 'QUEUED' and not blocked
    """,
    QueueRow,
)
# Locks the rows it takes and skips those that another worker is taking: no run has two owners.
CLAIM = Query(
    f"""
    with ready as (
      select id, started_at is not null or retry_of is not null as may_have_steps
      from executions where status = 'QUEUED' and not blocked
      order by rank, id limit :slots for no key update skip locked
    )
    update executions as run
    set status = 'RUNNING', lease_owner = :worker, attempt = greatest(attempt, 1), fence = fence + 1,
        lease_until = clock_timestamp() + make_interval(secs => :lease_seconds),
        last_seq = last_seq + 1, started_at = coalesce(started_at, clock_timestamp())
    from ready where run.id = ready.id
    returning {OF_RUN}, ready.may_have_steps, clock_timestamp() as now
    """,
    ClaimedRow,
)


_DEFAULTS: Mapping[str, object] = {
    "kind": "AGENT",
    "depth": 0,
    **dict.fromkeys(
        (
            "task_id",
            "retry_of",
            "parent_id",
            "parent_step",
            "name",
            "stage",
            "stages",
            "agent_id",
            "agent_version_id",
            "conversation_id",
            "reply_id",
            "schedule_id",
            "schedule_tick",
            "metadata",
            "lock_key",
            "start_at",
            "deadline",
            "budget_tokens",
            "budget_cost",
            "budget_steps",
        )
    ),
}


async def insert_execution(session: Session, fields: Mapping[str, object]) -> ExecutionRow:
    """A run with its place in the queue, or SCHEDULED; its log is to begin with seq 1.

    `fields`: id, user_id, input, priority, and every other column that is not the engine's own; those of
    `lock_key` hold its lock.
    """
    return await session.one(_INSERT, **{**_DEFAULTS, "trace_context": tracing.here(), **fields})


async def lock_key(session: Session, user_id: UUID, key: str) -> None:
    """Nobody else decides on the turns of this key before the commit."""
    await session.first(_LOCK_KEY, user_id=user_id, lock_key=key)


async def claim_executions(
    session: Session, worker: str, slots: int, lease_seconds: float
) -> list[ClaimedRow]:
    """Take up to `slots` queued runs: they are RUNNING, leased and fenced, and each took one seq.

    The session should go `by_index`: then it costs the same however many wait.
    """
    return await session.all(CLAIM, worker=worker, slots=slots, lease_seconds=lease_seconds)


async def lock_due(session: Session) -> list[ExecutionRow]:
    """Up to 100 scheduled runs whose time has come, locked until the commit."""
    return await session.all(_LOCK_DUE)


async def place(session: Session, row: ExecutionRow) -> None:
    """Give a locked run that becomes ready its rank; where it has a lock key, its lock is held."""
    await session.run(_PLACE, user_id=row.user_id, id=row.id, priority=row.priority, lock_key=row.lock_key)


async def unblock_next(session: Session, user_id: UUID, key: str) -> bool:
    """Let the next run of a key have its turn, where none is under way. The lock of the key is held."""
    while await session.first(_IS_NEXT_WANTED, user_id=user_id, lock_key=key) is not None:
        if (row := await session.first(_LOCK_NEXT, user_id=user_id, lock_key=key)) is not None:
            return await session.run(_UNBLOCK, user_id=user_id, id=row["id"]) == 1
    return False


async def queue_positions(session: Session, user_id: UUID, ids: list[UUID]) -> dict[UUID, int]:
    """How many runs, of anybody, are claimed before each of this user's ones that are queued.

    Needs a system transaction.
    """
    found = await session.all(_QUEUED_BEFORE, user_id=user_id, ids=ids)
    return {row["id"]: row["position"] for row in found}


async def standing(session: Session) -> QueueRow:
    """How long the queue is and how old, over all users. Needs a system transaction."""
    return await session.one(_STANDING)
