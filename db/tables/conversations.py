"""Conversations and their messages."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, Now


class Conversation(Base):
    """A conversation, and the two counters that are taken under the lock of this row."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(
            "conversations_created_idx",
            "user_id",
            "created_at",
            "id",
            postgresql_where=text("deleted_at is null"),
        ),
        Index("conversations_deleted_idx", "deleted_at", postgresql_where=text("deleted_at is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str | None]
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    "None: the built-in assistant."
    last_message_number: Mapped[int] = mapped_column(server_default="0")
    last_seq: Mapped[int] = mapped_column(server_default="0")
    pruned_seq: Mapped[int] = mapped_column(server_default="0")
    "Events of its stream up to here are older than retention and gone."
    writing_seq: Mapped[int | None]
    "Where its log stood when the reply that is being written now began: what follows tells all of it."
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
    updated_at: Mapped[datetime] = mapped_column(server_default=Now)


class Message(Base):
    """A whole message. One that is being written has no row yet, only its deltas in the log."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "number"),
        CheckConstraint("role in ('SYSTEM','USER','ASSISTANT','TOOL')", "role"),
        Index("messages_execution_idx", "execution_id", postgresql_where=text("execution_id is not null")),
        Index(
            "messages_steering_idx",
            "steers_id",
            "number",
            postgresql_where=text("steers_id is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    number: Mapped[int]
    "From 1, in the order of the conversation."
    role: Mapped[str]
    content: Mapped[str]
    execution_id: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id", ondelete="SET NULL"))
    "The run that wrote it, or that it started."
    steers_id: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id", ondelete="SET NULL"))
    "The active run that it is handed to."
    steered_at: Mapped[datetime | None]
    "When that run took it."
    steered_step: Mapped[int | None]
    "The step of that run before which it was taken."
    created_at: Mapped[datetime] = mapped_column(server_default=Now)


class Summary(Base):
    """What a model made of the beginning of a conversation, for those turns that cannot be told whole."""

    __tablename__ = "summaries"

    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    through: Mapped[int] = mapped_column(primary_key=True)
    "The place of the last turn that it covers: the number of that turn's first message."
    user_id: Mapped[UUID]
    content: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
