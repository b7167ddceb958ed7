"""Schedules as rows. A deleted one is a tombstone. When one is due is judged by Postgres' clock alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam

from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
from db.tables import Schedule


class ScheduleRow(Row):
    """A schedule as it stands."""

    id: UUID
    user_id: UUID
    agent_id: UUID | None
    cron: str
    time_zone: str
    input: str
    priority: int
    remaining: int | None
    next_run_at: datetime | None
    problem: str | None
    problem_at: datetime | None
    created_at: datetime


class TickRow(Row):
    """A tick whose time has come."""

    id: UUID
    user_id: UUID
    next_run_at: datetime


class LockedRow(ScheduleRow):
    """A schedule, locked, and what the clock reads."""

    now: datetime


class NowRow(Row):
    """What the clock reads."""

    now: datetime


_COLUMNS = ", ".join(ScheduleRow.columns())

SCHEDULES = Listing(
    ScheduleRow,
    Schedule,
    where=(Schedule.user_id == bindparam("user_id", required=True)) & Schedule.deleted_at.is_(None),
    orders={"CREATED_AT": Schedule.created_at},
    filters={},
)

_INSERT = Query(
    f"""
    insert into schedules
      (id, user_id, agent_id, cron, time_zone, input, priority, remaining, next_run_at)
    values
      (:id, :user_id, :agent_id, :cron, :time_zone, :input, :priority, :remaining, :next_run_at)
    returning {_COLUMNS}
    """,
    ScheduleRow,
)
_GET_ANY = Query(f"select {_COLUMNS} from schedules where user_id = :user_id and id = :id", ScheduleRow)
_GET_MANY = Query(
    f"""
    select {_COLUMNS} from schedules where user_id = :user_id and id = any(:ids) and deleted_at is null
    """,
    ScheduleRow,
)
# Locks the schedule: whoever starts its tick has done so, or will not.
_DELETE = Query(
    """
    update schedules set deleted_at = now(), next_run_at = null
    where user_id = :user_id and id = :id and deleted_at is null
    """
)
_NOW = Query("select clock_timestamp() as now", NowRow)
_DUE = Query(
    """
    select id, user_id, next_run_at from schedules where next_run_at <= clock_timestamp()
    order by next_run_at limit :most
    """,
    TickRow,
)
# Locks the schedule where this is still its next tick and no other worker has it: no tick has two starts.
_LOCK_TICK = Query(
    f"""
    select {_COLUMNS}, clock_timestamp() as now from schedules
    where user_id = :user_id and id = :id and next_run_at = :tick for no key update skip locked
    """,
    LockedRow,
)
_MOVE_ON = Query(
    """
    update schedules
    set next_run_at = :next_run_at, remaining = :remaining, problem = :problem,
        problem_at = case when cast(:problem as text) is not null then next_run_at end
    where user_id = :user_id and id = :id
    """
)
_NAME_TICK = Query(
    """
    update executions
    set schedule_id = :schedule_id, schedule_tick = :tick,
        agent_id = :agent_id, agent_version_id = :version_id
    where user_id = :user_id and id = :id
    """
)


async def insert_schedule(session: Session, fields: Mapping[str, object]) -> ScheduleRow:
    """A schedule.

    `fields`: id, user_id, agent_id, cron, time_zone, input, priority, remaining, next_run_at.
    """
    return await session.one(_INSERT, **fields)


async def get_schedule_or_tombstone(session: Session, user_id: UUID, schedule_id: UUID) -> ScheduleRow | None:
    """The schedule as it stands or last stood: for answering a request again."""
    return await session.first(_GET_ANY, user_id=user_id, id=schedule_id)


async def get_schedules(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[ScheduleRow]:
    """Those of the schedules that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def delete_schedule(session: Session, user_id: UUID, schedule_id: UUID) -> bool:
    """Leave a tombstone. False when there was nothing to delete."""
    return await session.run(_DELETE, user_id=user_id, id=schedule_id) == 1


async def clock(session: Session) -> datetime:
    """What Postgres' clock reads."""
    return (await session.one(_NOW)).now


async def due_ticks(session: Session, most: int) -> list[TickRow]:
    """The ticks whose time has come, the oldest first. Needs a system transaction."""
    return await session.all(_DUE, most=most)


async def lock_tick(session: Session, tick: TickRow) -> LockedRow | None:
    """The schedule of a tick, locked until the commit; None where somebody else starts or has started it."""
    return await session.first(_LOCK_TICK, user_id=tick.user_id, id=tick.id, tick=tick.next_run_at)


async def move_on(session: Session, row: ScheduleRow, fields: Mapping[str, object]) -> None:
    """Give a locked schedule its next time.

    `fields`: next_run_at (None: it has none), remaining, and as problem why its tick started nothing.
    """
    await session.run(_MOVE_ON, user_id=row.user_id, id=row.id, **fields)


async def name_tick(session: Session, row: ScheduleRow, execution_id: UUID, version_id: UUID | None) -> None:
    """Write on a run which tick of which schedule it is, and which version of its agent carries it.

    A second run of the tick breaks a constraint.
    """
    await session.run(
        _NAME_TICK,
        user_id=row.user_id,
        id=execution_id,
        schedule_id=row.id,
        tick=row.next_run_at,
        agent_id=row.agent_id,
        version_id=version_id,
    )
