"""People, their sign-ins, and the requests that they made."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, Now


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
    pruned_seq: Mapped[int] = mapped_column(server_default="0")
    "Of that stream: what is older than retention is gone up to here."
    created_at: Mapped[datetime] = mapped_column(server_default=Now)


class RefreshToken(Base):
    """One link of a family of single-use tokens; only its hash is kept."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index(None, "family_id"), Index(None, "user_id"), Index(None, "expires_at"))

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    family_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)


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
