"""Rows as the log tells of them: what an event says of a task or a run at its time."""

from __future__ import annotations

from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.messages import MessageRow
from db.tasks import TaskRow
from engine.states import TERMINAL
from events.kinds import ExecutionStatusChanged, InterruptFacts, MessageFacts, TaskFacts


def task_facts(row: TaskRow) -> TaskFacts:
    """A task as it stands."""
    return TaskFacts(
        id=row.id,
        number=row.number,
        title=row.title,
        description=row.description,
        priority=row.priority,
        due_at=row.due_at,
        completed_at=row.completed_at,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def message_facts(row: MessageRow) -> MessageFacts:
    """A message, which never changes."""
    return MessageFacts(
        id=row.id,
        conversation_id=row.conversation_id,
        number=row.number,
        role=row.role,
        content=row.content,
        execution_id=row.execution_id,
        created_at=row.created_at,
    )


def interrupt_facts(row: InterruptRow) -> InterruptFacts:
    """An interrupt as it stands."""
    return InterruptFacts(
        id=row.id,
        execution_id=row.execution_id,
        step_id=row.step_id,
        reason=row.reason,
        prompt=row.prompt,
        tool_name=row.tool_name,
        arguments=row.arguments,
        response_schema=row.response_schema,
        status=row.status,
        decision=row.decision,
        answer=row.answer,
        comment=row.comment,
        answered_at=row.answered_at,
        expires_at=row.expires_at,
        created_at=row.created_at,
    )


def status_fact(row: ExecutionRow) -> ExecutionStatusChanged:
    """The status that a run has now."""
    end_reason = row.end_reason if row.status in TERMINAL else None
    return ExecutionStatusChanged(
        execution_id=row.id, status=row.status, end_reason=end_reason, attempt=row.attempt
    )
