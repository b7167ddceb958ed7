"""Steps as rows: numbered from 1 without holes within their run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam

from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
from db.tables import Step


class StepRow(Row):
    """A step as it stands."""

    id: UUID
    execution_id: UUID
    number: int
    kind: str
    status: str
    tool_name: str | None
    call_id: str | None
    input: Any
    result: Any
    text: str | None
    error: str | None
    model_message: Any
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    attempt: int
    tries: int
    effect: str | None
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
    order by number
    """,
    StepRow,
)
# Belongs to whoever has locked the run.
_CLOSE = Query(
    f"""
    update steps set status = :status, error = :error, finished_at = clock_timestamp(), finished_seq = :seq
    where user_id = :user_id and execution_id = :execution_id and number = :number
    returning {_COLUMNS}
    """,
    StepRow,
)
_GET_MANY = Query(f"select {_COLUMNS} from steps where user_id = :user_id and id = any(:ids)", StepRow)


async def open_steps(session: Session, user_id: UUID, execution_id: UUID) -> list[StepRow]:
    """The steps that a run has begun and not ended, in order."""
    return await session.all(_OPEN, user_id=user_id, execution_id=execution_id)


async def steps_of(session: Session, user_id: UUID, execution_id: UUID) -> list[StepRow]:
    """Every step of a run, in order."""
    return await session.all(_ALL, user_id=user_id, execution_id=execution_id)


async def get_steps(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[StepRow]:
    """Those of the steps that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def close_step(session: Session, step: StepRow, user_id: UUID, fields: Mapping[str, object]) -> StepRow:
    """End an open step of a locked run. `fields`: status, error, seq."""
    return await session.one(
        _CLOSE, user_id=user_id, execution_id=step.execution_id, number=step.number, **fields
    )
