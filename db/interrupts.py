"""What runs ask people, as rows. They change only under the lock of their run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam

from db.executions import ExecutionRow
from db.leases import MemberRow
from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
from db.tables import Interrupt


class InterruptRow(Row):
    """An interrupt as it stands."""

    id: UUID
    user_id: UUID
    execution_id: UUID
    step_id: UUID | None
    reason: str
    prompt: str
    tool_name: str | None
    arguments: Any
    response_schema: Any
    scope: dict[str, Any] | None
    status: str
    decision: str | None
    answer: Any
    comment: str | None
    answered_at: datetime | None
    expires_at: datetime
    created_at: datetime
    opened_seq: int
    closed_seq: int | None


_COLUMNS = ", ".join(InterruptRow.columns())

INTERRUPTS = Listing(
    InterruptRow,
    Interrupt,
    where=Interrupt.user_id == bindparam("user_id", required=True),
    orders={"CREATED_AT": Interrupt.created_at},
    filters={"status": Interrupt.status == bindparam("status", required=True)},
)

_INSERT = Query(
    f"""
    insert into interrupts
      (id, user_id, execution_id, step_id, reason, prompt, tool_name, arguments, response_schema, scope,
       opened_seq, expires_at)
    values
      (:id, :user_id, :execution_id, :step_id, :reason, :prompt, :tool_name, :arguments, :response_schema,
       :scope, :seq, clock_timestamp() + make_interval(secs => :expires_seconds))
    returning {_COLUMNS}
    """,
    InterruptRow,
)
_GET_MANY = Query(
    f"select {_COLUMNS} from interrupts where user_id = :user_id and id = any(:ids)", InterruptRow
)
_OF_EXECUTIONS = Query(
    f"""
    select {_COLUMNS} from interrupts
    where user_id = :user_id and execution_id = any(:execution_ids) order by created_at, id
    """,
    InterruptRow,
)
_LAST = Query(
    f"""
    select {_COLUMNS} from interrupts
    where user_id = :user_id and execution_id = :execution_id and reason = :reason
      and step_id is not distinct from :step_id
    order by created_at desc, id desc limit 1
    """,
    InterruptRow,
)
_OPEN = Query(
    f"""
    select {_COLUMNS} from interrupts
    where user_id = :user_id and execution_id = :execution_id and status = 'OPEN' order by created_at, id
    """,
    InterruptRow,
)
_CLOSE = Query(
    f"""
    update interrupts
    set status = :status, decision = :decision, answer = :answer, comment = :comment, closed_seq = :seq,
        answered_at = case when cast(:status as text) = 'ANSWERED' then clock_timestamp() end
    where user_id = :user_id and id = :id and status = 'OPEN'
    returning {_COLUMNS}
    """,
    InterruptRow,
)
_DUE = Query(
    """
    select distinct user_id, execution_id as id from (
      select user_id, execution_id from interrupts
      where status = 'OPEN' and expires_at <= clock_timestamp() order by expires_at limit 100
    ) as due
    """,
    MemberRow,
)
_DUE_OF_EXECUTION = Query(
    f"""
    select {_COLUMNS} from interrupts
    where user_id = :user_id and execution_id = :execution_id
      and status = 'OPEN' and expires_at <= clock_timestamp()
    order by created_at, id
    """,
    InterruptRow,
)


async def insert_interrupt(session: Session, fields: Mapping[str, object]) -> InterruptRow:
    """An open interrupt. The caller holds the lock of its run and took `seq` for the event.

    `fields`: id, user_id, execution_id, step_id, reason, prompt, tool_name, arguments, response_schema,
    scope, seq, expires_seconds.
    """
    return await session.one(_INSERT, **fields)


async def get_interrupts(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[InterruptRow]:
    """Those of the interrupts that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def interrupts_of(reader: Reader, user_id: UUID, execution_ids: list[UUID]) -> list[InterruptRow]:
    """Every interrupt of these runs, oldest first."""
    return await reader.all(_OF_EXECUTIONS, user_id=user_id, execution_ids=execution_ids)


async def last_interrupt(
    reader: Reader, run: ExecutionRow, reason: str, step_id: UUID | None
) -> InterruptRow | None:
    """What the run asked last for this reason, about this step or about none."""
    return await reader.first(_LAST, user_id=run.user_id, execution_id=run.id, reason=reason, step_id=step_id)


async def open_interrupts(session: Session, user_id: UUID, execution_id: UUID) -> list[InterruptRow]:
    """What the run still asks, oldest first."""
    return await session.all(_OPEN, user_id=user_id, execution_id=execution_id)


async def close_interrupt(session: Session, row: InterruptRow, fields: Mapping[str, object]) -> InterruptRow:
    """Close an open interrupt. The caller holds the lock of its run and took `seq` for the event.

    `fields`: status, decision, answer, comment, seq. Raises LookupError where it is closed already.
    """
    return await session.one(_CLOSE, user_id=row.user_id, id=row.id, **fields)


async def runs_with_due_interrupts(session: Session) -> list[MemberRow]:
    """Runs, a hundred at most, with an overdue open interrupt. Needs a system transaction; locks nothing."""
    return await session.all(_DUE)


async def due_interrupts(session: Session, user_id: UUID, execution_id: UUID) -> list[InterruptRow]:
    """Those of the run's open interrupts whose time is over, oldest first."""
    return await session.all(_DUE_OF_EXECUTION, user_id=user_id, execution_id=execution_id)
