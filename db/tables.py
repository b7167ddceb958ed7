"""What is stored. Every owned row has `user_id`; row-level security is in the migrations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

OWNED = ("tasks", "executions", "steps", "events", "idempotency_keys")
"Tables whose rows belong to a user: each has the policy `owner`."

Now = text("now()")


class Base(DeclarativeBase):
    """Names its constraints, so that migrations can name them too."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        bytes: BYTEA(),
        dict[str, Any]: JSONB(none_as_null=True),
    }


class User(Base):
    """A person, and the two counters that are taken under the lock of this row."""

    __tablename__ = "users"
    __table_args__ = (
        Index("users_email_key", func.lower(text("email")), unique=True),
        UniqueConstraint("issuer", "subject"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    name: Mapped[str | None]
    password_hash: Mapped[str | None]
    issuer: Mapped[str | None]
    "With `subject`: who this is to an outside issuer of tokens."
    subject: Mapped[str | None]
    last_task_number: Mapped[int] = mapped_column(server_default="0")
    last_seq: Mapped[int] = mapped_column(server_default="0")
    "Of the user's activity stream."
    created_at: Mapped[datetime] = mapped_column(server_default=Now)


class RefreshToken(Base):
    """One link of a family of single-use tokens; only its hash is kept."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index(None, "family_id"), Index(None, "user_id"))

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    family_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)


class Task(Base):
    """A task. Deleting leaves a tombstone, so that a repeated request can still be answered."""

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("user_id", "number"),
        CheckConstraint("priority between 1 and 3", "priority"),
        Index(
            "tasks_created_idx", "user_id", "created_at", "id", postgresql_where=text("deleted_at is null")
        ),
        Index("tasks_due_idx", "user_id", "due_at", "id", postgresql_where=text("deleted_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    number: Mapped[int]
    title: Mapped[str]
    description: Mapped[str | None]
    priority: Mapped[int] = mapped_column(server_default="2")
    due_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
    updated_at: Mapped[datetime] = mapped_column(server_default=Now)


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
        Index(
            "executions_queue_idx",
            text("priority desc"),
            "queued_at",
            "id",
            postgresql_where=text("status = 'QUEUED'"),
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
    input: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    priority: Mapped[int] = mapped_column(server_default="2")
    meta: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    status: Mapped[str] = mapped_column(server_default="QUEUED")
    end_reason: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None]
    progress_percent: Mapped[float | None]
    progress_message: Mapped[str | None]
    progress_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    max_attempts: Mapped[int] = mapped_column(server_default="5")
    last_seq: Mapped[int] = mapped_column(server_default="0")
    fence: Mapped[int] = mapped_column(server_default="0")
    "Raised with each change of owner: a worker's writes name the fence that it was given."
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    queued_at: Mapped[datetime] = mapped_column(server_default=Now)
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Step(Base):
    """One step of a run: there before its work begins, and holding the outcome after."""

    __tablename__ = "steps"
    __table_args__ = (
        UniqueConstraint("execution_id", "number"),
        CheckConstraint("kind in ('THINKING','TOOL_CALL','FINAL_ANSWER')", "kind"),
        CheckConstraint("status in ('RUNNING','COMPLETED','FAILED','UNKNOWN')", "status"),
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
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    started_seq: Mapped[int]
    "Where the run's log told of it first: what a snapshot at an older cursor must leave out."
    finished_seq: Mapped[int | None]


class Event(Base):
    """The log: what happened in one stream, `seq` ascending by one without holes."""

    __tablename__ = "events"

    stream: Mapped[UUID] = mapped_column(primary_key=True)
    "An execution, or a user's activity."
    seq: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]


class IdempotencyKey(Base):
    """A request that was carried out: what was asked, and the rows that answer it again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    mutation: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    reference: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
