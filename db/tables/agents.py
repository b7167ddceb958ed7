"""Agents, what each of their versions is made of, and the servers of tools that they may use."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, Now


class Agent(Base):
    """A name and the newest version behind it."""

    __tablename__ = "agents"
    __table_args__ = (
        Index(
            "agents_name_key", "user_id", "name", unique=True, postgresql_where=text("archived_at is null")
        ),
        Index("agents_created_idx", "user_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    version: Mapped[int] = mapped_column(server_default="1")
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
    updated_at: Mapped[datetime] = mapped_column(server_default=Now)


class AgentVersion(Base):
    """What an agent was from one update to the next. Never changed: runs keep the one they started with."""

    __tablename__ = "agent_versions"
    __table_args__ = (
        UniqueConstraint("agent_id", "version"),
        CheckConstraint("long_history in ('TRIM','SUMMARIZE')", "long_history"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    user_id: Mapped[UUID]
    version: Mapped[int]
    name: Mapped[str]
    instructions: Mapped[str] = mapped_column(server_default="")
    model: Mapped[str] = mapped_column(server_default="rules")
    temperature: Mapped[float | None]
    max_steps: Mapped[int] = mapped_column(server_default="10")
    long_history: Mapped[str] = mapped_column(server_default="TRIM")
    tool_names: Mapped[list[str] | None]
    "None: every built-in tool."
    approval_required: Mapped[list[str]] = mapped_column(server_default="{}")
    subagent_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=Now)


class ToolServer(Base):
    """An MCP server of a user's, and what it said last that it offers."""

    __tablename__ = "tool_servers"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    url: Mapped[str]
    sealed_headers: Mapped[bytes | None]
    "Encrypted; never shown."
    tools: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    tools_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=Now)
