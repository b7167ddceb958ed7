"""What a run is carried by: the version of an agent that it started with, or the built-in assistant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from db.agents import AgentRow, get_agent_version
from db.connection import Database
from db.executions import ExecutionRow


class LongHistory(StrEnum):
    """What becomes of the oldest messages of a conversation that is too long for the model."""

    TRIM = "TRIM"
    SUMMARIZE = "SUMMARIZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentVersion:
    """One version of an agent. It never changes."""

    version_id: UUID | None = None
    name: str
    instructions: str = ""
    model: str = "rules"
    "`rules`, `fake:…` or `provider:model`."
    temperature: float | None = None
    max_steps: int = 10
    long_history: LongHistory = LongHistory.TRIM
    tool_names: Sequence[str] | None = None
    "None: every tool that operators and Baton offer."
    approval_required: frozenset[str] = frozenset()
    subagent_ids: Sequence[UUID] = ()

    @classmethod
    def of(cls, row: AgentRow) -> AgentVersion:
        """The version that this row holds."""
        return cls(
            version_id=row.version_id,
            name=row.name,
            instructions=row.instructions,
            model=row.model,
            temperature=row.temperature,
            max_steps=row.max_steps,
            long_history=LongHistory(row.long_history),
            tool_names=row.tool_names,
            approval_required=frozenset(row.approval_required),
            subagent_ids=row.subagent_ids,
        )


ASSISTANT = AgentVersion(name="assistant", max_steps=100)
"Carries the runs that name no agent."

_MOST_KEPT = 1_000


class Versions:
    """Finds the version that a run keeps. One that was read once is not read again: it never changes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[UUID, AgentVersion] = {}

    async def of(self, run: ExecutionRow) -> AgentVersion:
        """The run's version; the built-in assistant where it names none, or one that is gone."""
        if run.agent_version_id is None:
            return ASSISTANT
        if (kept := self._kept.get(run.agent_version_id)) is not None:
            return kept
        return await self._read(run.user_id, run.agent_version_id)

    async def _read(self, user_id: UUID, version_id: UUID) -> AgentVersion:
        async with self._db.as_user(user_id) as session:
            row = await get_agent_version(session, user_id, version_id)
        if row is None:
            return ASSISTANT
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        return self._kept.setdefault(version_id, AgentVersion.of(row))
