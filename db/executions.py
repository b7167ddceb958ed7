"""Runs as rows: a row is the state machine, the place in the queue, the lease and the counter of the log.

How they wait is in `db.queue`, how workers hold them in `db.leases`, what holders write in `db.journal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam
from sqlalchemy.dialects.postgresql import JSONB

from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
from db.tables import Execution


class ExecutionRow(Row):
    """A run as it stands."""

    id: UUID
    user_id: UUID
    task_id: UUID | None
    retry_of: UUID | None
    parent_id: UUID | None
    parent_step: int | None
    depth: int
    kind: str
    name: str | None
    stage: int | None
    stages: list[Any] | None
    agent_id: UUID | None
    agent_version_id: UUID | None
    conversation_id: UUID | None
    reply_id: UUID | None
    input: str
    time_zone: str
    priority: int
    metadata: dict[str, Any] | None
    status: str
    blocked: bool
    lock_key: str | None
    start_at: datetime | None
    deadline: datetime | None
    budget_tokens: int | None
    budget_cost: float | None
    budget_steps: int | None
    input_tokens: int
    output_tokens: int
    requests: int
    cost: float | None
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
    lease_owner: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    trace_context: str | None


COLUMNS = ", ".join(ExecutionRow.columns())
OF_RUN = ", ".join(f"run.{name}" for name in ExecutionRow.columns())
HELD = "lease_owner is not null and status in ('RUNNING', 'CANCELLING')"

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

_GET = Query(f"select {COLUMNS} from executions where user_id = :user_id and id = :id", ExecutionRow)
_GET_MANY = Query(
    f"select {COLUMNS} from executions where user_id = :user_id and id = any(:ids)", ExecutionRow
)
# Locks the run: its status cannot change before the commit.
_LOCK = Query(
    f"select {COLUMNS} from executions where user_id = :user_id and id = :id for no key update", ExecutionRow
)
# Locks the run that it changes. Raises the fence where a worker lets go of it, or is made to.
_MOVE = Query(
    f"""
    update executions
    set status = :status, end_reason = :end_reason, cancel_reason = coalesce(:cancel_reason, cancel_reason),
        result = :result, error = :error, last_seq = last_seq + 1,
        attempt = attempt + cast(:losses as int),
        fence = fence + cast(not :held as int),
        lease_owner = case when :held then lease_owner end,
        lease_until = case when :held then lease_until end,
        finished_at = case when :ended then clock_timestamp() end,
        queued_at = case when cast(:status as text) = 'QUEUED' then clock_timestamp() else queued_at end
    where user_id = :user_id and id = :id
    returning {COLUMNS}
    """,
    ExecutionRow,
)
# Belongs to whoever has locked the run.
_RAISE_BUDGET = Query(
    """
    update executions
    set budget_tokens = coalesce(:budget_tokens, budget_tokens),
        budget_cost = coalesce(:budget_cost, budget_cost),
        budget_steps = coalesce(:budget_steps, budget_steps)
    where user_id = :user_id and id = :id
    """
)
# Belongs to whoever has locked the run.
_ADVANCE = Query(
    f"""
    update executions set last_seq = last_seq + :count where user_id = :user_id and id = :id
    returning {COLUMNS}
    """,
    ExecutionRow,
)


async def get_execution(reader: Reader, user_id: UUID, execution_id: UUID) -> ExecutionRow | None:
    """The run, if it is there and this user's."""
    return await reader.first(_GET, user_id=user_id, id=execution_id)


async def get_executions(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[ExecutionRow]:
    """Those of the runs that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def lock_execution(session: Session, user_id: UUID, execution_id: UUID) -> ExecutionRow | None:
    """The run, locked until the commit."""
    return await session.first(_LOCK, user_id=user_id, id=execution_id)


async def advance(session: Session, row: ExecutionRow, count: int) -> ExecutionRow:
    """Take `count` fresh seqs of a locked run's log; the last of them is the row's `last_seq`."""
    return await session.one(_ADVANCE, user_id=row.user_id, id=row.id, count=count)


async def move_execution(session: Session, row: ExecutionRow, fields: Mapping[str, object]) -> ExecutionRow:
    """Give a locked run another status, with one seq of its log.

    `fields`: status, end_reason, cancel_reason (None: as it was), result, error, losses (to be added to the
    attempts), held (whether its worker goes on holding it), ended.
    """
    return await session.one(_MOVE, user_id=row.user_id, id=row.id, **fields)


async def raise_budget(session: Session, row: ExecutionRow, limits: Mapping[str, object]) -> None:
    """Other limits for a locked run: budget_tokens, budget_cost, budget_steps; None: as it was."""
    await session.run(_RAISE_BUDGET, user_id=row.user_id, id=row.id, **limits)
