"""Tasks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, Now


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
        Index("tasks_deleted_idx", "deleted_at", postgresql_where=text("deleted_at is not null")),
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
