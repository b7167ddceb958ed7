"""Agents whose models do as a script says, in the hands of real workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from db import agents as agent_rows
from db.agents import AgentRow
from db.connection import Database
from engine.commands.executions import Budget, NewExecution, queue_execution
from engine.models.model import Answer, AnyDecision, CallTools, Model, Think, ToolCall, Turn
from engine.models.registry import Models
from engine.tools.asking import ask_user
from engine.tools.builtin import BUILTIN
from engine.tools.subagents import WithSubagents
from engine.tools.tool import AnyTool, StaticTools
from engine.worker.crew import crew
from engine.worker.worker import Worker
from ids import Kind, encode, new_id
from resolvers.services import Services

WEEK = 7 * 86_400


def call(name: str, **arguments: Any) -> ToolCall:
    """One call of a tool."""
    return ToolCall(name, arguments, call_id=f"call_{name}_{new_id().hex[-6:]}")


def calls(*made: ToolCall) -> CallTools:
    """The calls of one turn."""
    return CallTools(made)


class Script(Model):
    """Decides what is written, turn after turn; the last line answers with what the steps came to."""

    is_instant = True

    def __init__(self, *lines: AnyDecision, is_instant: bool = True) -> None:
        self._lines, self.is_instant = lines, is_instant
        self.turns: list[Turn] = []

    async def next(self, turn: Turn) -> AnyDecision:
        self.turns.append(turn)
        seen = len(turn.steps)
        for line in self._lines:
            if seen == 0:
                return line
            seen -= len(line.calls) + (not self.is_instant) if isinstance(line, CallTools) else 1
        return Answer(
            "; ".join(str(step.result if step.error is None else step.error) for step in turn.steps)
        )


@asynccontextmanager
async def scripted(
    services: Services, scripts: Mapping[str, Model], tools: Iterable[AnyTool] = (), **changes: Any
) -> AsyncIterator[Worker]:
    """A worker at work that knows `script:<name>` models, and these tools beside the usual ones."""
    every = StaticTools((*BUILTIN, ask_user(WEEK), *tools))
    hands = replace(
        crew(services.db, services.settings),
        models=Models(families={"script": lambda name: scripts[name]}),
        tools=WithSubagents(services.db, every),
    )
    worker = Worker(services.db, services.hub, services.settings.model_copy(update=changes), hands)
    task = asyncio.create_task(worker.work())
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.wait({task})


async def make_agent(
    db: Database,
    user_id: UUID,
    name: str,
    *,
    model: str | None = None,
    approval_required: Sequence[str] = (),
    subagents: Sequence[AgentRow] = (),
    max_steps: int = 20,
) -> AgentRow:
    """An agent, as createAgent would make it, of a model that only tests have."""
    fields = {
        "id": new_id(),
        "version_id": new_id(),
        "user_id": user_id,
        "name": name,
        "instructions": "",
        "model": model or f"script:{name}",
        "temperature": None,
        "max_steps": max_steps,
        "long_history": "TRIM",
        "tool_names": None,
        "approval_required": list(approval_required),
        "subagent_ids": [agent.id for agent in subagents],
    }
    async with db.as_user(user_id) as session:
        return await agent_rows.insert_agent(session, fields)


async def start(
    services: Services, agent: AgentRow, text: str = "go", budget: Budget | None = None, **fields: Any
) -> str:
    """A run of this agent's; answers its id."""
    new = NewExecution(text, budget=budget or Budget(), **fields)
    ids = {"agent_id": agent.id, "agent_version_id": agent.version_id}
    async with services.db.as_user(agent.user_id) as session:
        row = await queue_execution(session, agent.user_id, new, ids)
    return encode(Kind.EXECUTION, row.id)


__all__ = ["Answer", "Script", "Think", "call", "calls", "make_agent", "scripted", "start"]
