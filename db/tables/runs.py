"""Runs, their steps, what they ask people, their schedules, and the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, Now

_LIVE = "status not in ('COMPLETED','FAILED','CANCELLED')"


class Execution(Base):
    """A run: its state machine, its place in the queue, its lease and the counter of its log in one row."""

    __tablename__ = "executions"
    __table_args__ = (
        CheckConstraint("priority between 1 and 3", "priority"),
        CheckConstraint(
            "status in ('SCHEDULED','QUEUED','RUNNING','AWAITING_INPUT',"
            "'CANCELLING','COMPLETED','FAILED','CANCELLED')",
            "status",
        ),
        Index("executions_created_idx", "user_id", "created_at", "id"),
        Index(
            "executions_task_idx", "task_id", "created_at", "id", postgresql_where=text("task_id is not null")
        ),
        CheckConstraint("kind in ('AGENT','PIPELINE')", "kind"),
        UniqueConstraint("schedule_id", "schedule_tick"),
        Index(
            "executions_rank_idx", "rank", "id", postgresql_where=text("status = 'QUEUED' and not blocked")
        ),
        Index(
            "executions_lane_idx",
            "user_id",
            "priority",
            text("rank desc"),
            postgresql_where=text("status = 'QUEUED'"),
        ),
        Index("executions_start_idx", "start_at", postgresql_where=text("status = 'SCHEDULED'")),
        Index(
            "executions_lock_key_idx",
            "user_id",
            "lock_key",
            "id",
            postgresql_where=text(f"lock_key is not null and {_LIVE}"),
        ),
        Index(
            "executions_deadline_idx",
            "deadline",
            postgresql_where=text(f"deadline is not null and {_LIVE}"),
        ),
        Index("executions_retry_idx", "retry_of", postgresql_where=text("retry_of is not null")),
        Index("executions_parent_idx", "parent_id", postgresql_where=text("parent_id is not null")),
        Index(
            "executions_conversation_idx",
            "conversation_id",
            "created_at",
            "id",
            postgresql_where=text("conversation_id is not null"),
        ),
        Index(
            "executions_agent_idx",
            "agent_id",
            "created_at",
            "id",
            postgresql_where=text("agent_id is not null"),
        ),
        Index("executions_finished_idx", "finished_at", postgresql_where=text("finished_at is not null")),
        Index(
            "executions_log_idx",
            "finished_at",
            postgresql_where=text("finished_at is not null and pruned_seq = 0"),
        ),
        Index("executions_lease_idx", "lease_until", postgresql_where=text("lease_until is not null")),
        Index(
            "executions_metadata_idx",
            "metadata",
            postgresql_using="gin",
            postgresql_ops={"metadata": "jsonb_path_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("tasks.id", ondelete="SET NULL"))
    retry_of: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id", ondelete="SET NULL"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"))
    parent_step: Mapped[int | None]
    "The number of the parent's step that started it."
    depth: Mapped[int] = mapped_column(server_default="0")
    "How many runs are above it: families are locked from the top."
    kind: Mapped[str] = mapped_column(server_default="AGENT")
    name: Mapped[str | None]
    "Of a pipeline's run: what `{{name}}` stands for."
    stage: Mapped[int | None]
    stages: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    "Of a pipeline: its stages as they were asked for."
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    agent_version_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("agent_versions.id", ondelete="SET NULL")
    )
    "What it was started with and keeps; None: the built-in assistant."
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"))
    reply_id: Mapped[UUID | None]
    "The id that its answer has as a message of the conversation, from the first delta on."
    schedule_id: Mapped[UUID | None] = mapped_column(ForeignKey("schedules.id", ondelete="SET NULL"))
    schedule_tick: Mapped[datetime | None]
    input: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    priority: Mapped[int] = mapped_column(server_default="2")
    meta: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    status: Mapped[str] = mapped_column(server_default="QUEUED")
    rank: Mapped[datetime] = mapped_column(server_default=Now)
    "Its place in the queue, given once: the lowest is claimed first."
    blocked: Mapped[bool] = mapped_column(server_default="false")
    "An earlier run with the same lock key has not ended."
    lock_key: Mapped[str | None]
    start_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    budget_tokens: Mapped[int | None]
    budget_cost: Mapped[float | None]
    "US dollars."
    budget_steps: Mapped[int | None]
    input_tokens: Mapped[int] = mapped_column(server_default="0")
    output_tokens: Mapped[int] = mapped_column(server_default="0")
    requests: Mapped[int] = mapped_column(server_default="0")
    cost: Mapped[float | None] = mapped_column(server_default="0")
    "US dollars; None from the first request on whose price is not known."
    end_reason: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None]
    progress_percent: Mapped[float | None]
    progress_message: Mapped[str | None]
    progress_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    max_attempts: Mapped[int] = mapped_column(server_default="5")
    last_seq: Mapped[int] = mapped_column(server_default="0")
    pruned_seq: Mapped[int] = mapped_column(server_default="0")
    "Events of its stream up to here are older than retention and gone."
    fence: Mapped[int] = mapped_column(server_default="0")
    "Raised with each change of owner: a worker's writes name the fence that it was given."
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    trace_context: Mapped[str | None]
    "The `traceparent` of who started it, where traces are on."
    queued_at: Mapped[datetime] = mapped_column(server_default=Now)
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Step(Base):
    """One step of a run: there before its work begins, and holding the outcome after."""

    __tablename__ = "steps"
    __table_args__ = (
        UniqueConstraint("execution_id", "number"),
        CheckConstraint("kind in ('THINKING','TOOL_CALL','FINAL_ANSWER','SUMMARY')", "kind"),
        CheckConstraint("status in ('RUNNING','COMPLETED','FAILED','UNKNOWN')", "status"),
        CheckConstraint("effect in ('PURE','READ','IDEMPOTENT_WRITE','NON_IDEMPOTENT')", "effect"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    execution_id: Mapped[UUID] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"))
    user_id: Mapped[UUID]
    number: Mapped[int]
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="RUNNING")
    tool_name: Mapped[str | None]
    input: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    text: Mapped[str | None]
    error: Mapped[str | None]
    attempt: Mapped[int]
    tries: Mapped[int] = mapped_column(server_default="1")
    "Calls of the model or the tool, with those that failed for a moment."
    effect: Mapped[str | None]
    "What a repeated call would do; None where its effect is in our own rows, or there is none."
    call_id: Mapped[str | None]
    "What the model calls this call."
    model_message: Mapped[dict[str, Any] | None]
    "The model's own words, as its provider wants them back."
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cost: Mapped[float | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    started_seq: Mapped[int]
    "Where the run's log told of it first: what a snapshot at an older cursor must leave out."
    finished_seq: Mapped[int | None]


class Interrupt(Base):
    """What a run asks a person: open until it is answered, expires, or its run ends."""

    __tablename__ = "interrupts"
    __table_args__ = (
        CheckConstraint("reason in ('TOOL_APPROVAL','QUESTION','BUDGET','EFFECT_VERIFICATION')", "reason"),
        CheckConstraint("status in ('OPEN','ANSWERED','EXPIRED','CANCELLED')", "status"),
        Index("interrupts_created_idx", "user_id", "status", "created_at", "id"),
        Index("interrupts_execution_idx", "execution_id", "created_at", "id"),
        Index("interrupts_step_idx", "step_id", postgresql_where=text("step_id is not null")),
        Index("interrupts_expiry_idx", "expires_at", postgresql_where=text("status = 'OPEN'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    execution_id: Mapped[UUID] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"))
    step_id: Mapped[UUID | None] = mapped_column(ForeignKey("steps.id", ondelete="CASCADE"))
    reason: Mapped[str]
    prompt: Mapped[str]
    tool_name: Mapped[str | None]
    arguments: Mapped[dict[str, Any] | None]
    response_schema: Mapped[dict[str, Any] | None]
    scope: Mapped[dict[str, Any] | None]
    "What an approval is bound to beside the arguments: the tool wrote it, and gets it back."
    status: Mapped[str] = mapped_column(server_default="OPEN")
    decision: Mapped[str | None]
    answer: Mapped[dict[str, Any] | None]
    "The edited arguments or the value, whatever the decision carries; any JSON."
    comment: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
    opened_seq: Mapped[int]
    "Where the run's log told of it first, as for steps."
    closed_seq: Mapped[int | None]


class Schedule(Base):
    """A run that is started again and again, by the clock."""

    __tablename__ = "schedules"
    __table_args__ = (
        CheckConstraint("priority between 1 and 3", "priority"),
        CheckConstraint("problem in ('AGENT_ARCHIVED','INVALID_INPUT','INTERNAL_ERROR')", "problem"),
        Index("schedules_created_idx", "user_id", "created_at", "id"),
        Index("schedules_deleted_idx", "deleted_at", postgresql_where=text("deleted_at is not null")),
        Index("schedules_due_idx", "next_run_at", postgresql_where=text("next_run_at is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    cron: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    input: Mapped[str]
    priority: Mapped[int] = mapped_column(server_default="2")
    remaining: Mapped[int | None]
    "How many more runs it starts; None: no end."
    next_run_at: Mapped[datetime | None]
    "None: it has started its last."
    problem: Mapped[str | None]
    "Why the last tick started no run; None where it did."
    problem_at: Mapped[datetime | None]
    "That tick."
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)


class Event(Base):
    """The log: what happened in one stream, `seq` ascending by one; what was pruned is told by `follows`."""

    __tablename__ = "events"
    __table_args__ = (Index("events_pieces_idx", "at", postgresql_where=text("kind = 'MessageDelta'")),)

    stream: Mapped[UUID] = mapped_column(primary_key=True)
    "An execution, a conversation, or a user's activity."
    seq: Mapped[int] = mapped_column(primary_key=True)
    follows: Mapped[int | None]
    "The seq of the entry before, where those between were pruned; null: the next lower one."
    user_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]


class Sweep(Base):
    """When a chore that is done once for all workers was begun last."""

    __tablename__ = "sweeps"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
