"""Steps as rows: numbered from 1 without holes within their run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam

from db.connection import Reader, Session
from db.paging import Listing
from db.query import Query, Row
from db.tables import Step


class StepRow(Row):
    """A step as it stands."""

    id: UUID
    execution_id: UUID
    number: int
    kind: str
    status: str
    tool_name: str | None
    input: Any
    result: Any
    text: str | None
    error: str | None
    attempt: int
    started_at: datetime
    finished_at: datetime | None
    started_seq: int
    finished_seq: int | None


_COLUMNS = ", ".join(StepRow.columns())

STEPS = Listing(
    StepRow,
    Step,
    where=(Step.user_id == bindparam("user_id", required=True))
    & (Step.execution_id == bindparam("execution_id", required=True))
    & (Step.started_seq <= bindparam("as_of", required=True)),
    orders={"NUMBER": Step.number},
    filters={},
)

_ALL = Query(
    f"select {_COLUMNS} from steps where user_id = :user_id and execution_id = :execution_id order by number",
    StepRow,
)
_OPEN = Query(
    f"""
    select {_COLUMNS} from steps
    where user_id = :user_id and execution_id = :execution_id and status = 'RUNNING'
    """,
    StepRow,
)
_GET_MANY = Query(f"select {_COLUMNS} from steps where user_id = :user_id and id = any(:ids)", StepRow)
# A step that a lost attempt left RUNNING begins anew under its own number.
_START = Query(
    f"""
    insert into steps
      (id, execution_id, user_id, number, kind, tool_name, input, text, attempt, started_at, started_seq)
    values
      (:id, :execution_id, :user_id, :number, :kind, :tool_name, :input, :text, :attempt,
       clock_timestamp(), :seq)
    on conflict (execution_id, number) do update
    set kind = excluded.kind, tool_name = excluded.tool_name, input = excluded.input, text = excluded.text,
        attempt = excluded.attempt, started_at = excluded.started_at
    where steps.status = 'RUNNING'
    returning {_COLUMNS}
    """,
    StepRow,
)
_FINISH = Query(
    f"""
    update steps
    set status = :status, result = :result, text = coalesce(:text, text), error = :error,
        finished_at = clock_timestamp(), finished_seq = :seq
    where execution_id = :execution_id and user_id = :user_id and number = :number and status = 'RUNNING'
    returning {_COLUMNS}
    """,
    StepRow,
)


async def open_step(session: Session, user_id: UUID, execution_id: UUID) -> StepRow | None:
    """The step that a run has begun and not ended."""
    return await session.first(_OPEN, user_id=user_id, execution_id=execution_id)


async def steps_of(session: Session, user_id: UUID, execution_id: UUID) -> list[StepRow]:
    """Every step of a run, in order."""
    return await session.all(_ALL, user_id=user_id, execution_id=execution_id)


async def get_steps(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[StepRow]:
    """Those of the steps that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def start_step(session: Session, fields: Mapping[str, object]) -> StepRow:
    """The row of a step that begins. Raises LookupError where that number has ended already.

    `fields`: id, execution_id, user_id, number, kind, tool_name, input, text, attempt, seq.
    """
    return await session.one(_START, **fields)


async def finish_step(session: Session, fields: Mapping[str, object]) -> StepRow:
    """Write a step's outcome. Raises LookupError where it has one.

    `fields`: execution_id, user_id, number, status, result, text, error, seq.
    """
    return await session.one(_FINISH, **fields)
