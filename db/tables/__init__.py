"""What is stored. Every owned row has `user_id`; row-level security is in the migrations."""

from __future__ import annotations

from db.tables.agents import Agent, AgentVersion, ToolServer
from db.tables.base import Base
from db.tables.budgets import Budget
from db.tables.conversations import Conversation, Message, Summary
from db.tables.documents import Document
from db.tables.people import IdempotencyKey, RefreshToken, User
from db.tables.runs import Event, Execution, Interrupt, Schedule, Step, Sweep
from db.tables.tasks import Task

OWNED = (
    "agent_versions",
    "agents",
    "conversations",
    "events",
    "executions",
    "idempotency_keys",
    "interrupts",
    "messages",
    "schedules",
    "steps",
    "summaries",
    "tasks",
    "tool_servers",
)
"Tables whose rows belong to a user: each has the policy `owner`."

__all__ = [
    "OWNED",
    "Agent",
    "AgentVersion",
    "Base",
    "Budget",
    "Conversation",
    "Document",
    "Event",
    "Execution",
    "IdempotencyKey",
    "Interrupt",
    "Message",
    "RefreshToken",
    "Schedule",
    "Step",
    "Summary",
    "Sweep",
    "Task",
    "ToolServer",
    "User",
]
