"""A user's agents as tools of another: each call is a run, for which the caller waits without a worker."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db import agents as agent_rows
from db import children
from db import steps as step_rows
from db.agents import AgentRow
from db.connection import Database
from db.executions import ExecutionRow
from db.session import Session
from engine.json_schemas import issues_of
from engine.runs.children import DEEPEST, Share, start_child
from engine.states import TERMINAL, Status
from engine.steps import Outcome
from engine.tools.tool import AnyTool, Asked, Effect, EngineTool, Toolbox, Tools, Wait
from engine.versions import AgentVersion

LONGEST_INPUT = 10_000

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "input": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_INPUT,
            "description": "What it should do, with all that it must know.",
        }
    },
    "required": ["input"],
    "additionalProperties": False,
}
_LONGEST_SLUG = 48


@dataclass(frozen=True, slots=True)
class WithSubagents:
    """The tools that `others` finds for a run, and one for each subagent of its agent."""

    db: Database
    others: Tools

    async def of(self, run: ExecutionRow, agent: AgentVersion) -> Toolbox:
        """Every tool that this run may call."""
        tools = await self.others.of(run, agent)
        if not agent.subagent_ids or agent.version_id is None:
            return tools
        ids = list(agent.subagent_ids)
        async with self.db.as_user(run.user_id) as session:
            names = await agent_rows.names_at(session, run.user_id, ids, agent.version_id)
        return Toolbox.of([*tools, *subagent_tools({one: names[one] for one in ids if one in names})])


def subagent_tools(names: Mapping[UUID, str]) -> list[AnyTool]:
    """A tool for each of these agents, named after it; the same names give the same tools."""
    return [_tool(agent_id, name, tool_name) for agent_id, name, tool_name in _named(names)]


def _named(names: Mapping[UUID, str]) -> Iterable[tuple[UUID, str, str]]:
    taken = {"user": 1}  # `ask_user` asks the person
    for agent_id, name in names.items():
        slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST_SLUG] or "agent"
        taken[slug] = taken.get(slug, 0) + 1
        yield agent_id, name, f"ask_{slug}" if taken[slug] == 1 else f"ask_{slug}_{taken[slug]}"


def _tool(agent_id: UUID, name: str, tool_name: str) -> AnyTool:
    async def answer(asked: Asked) -> Outcome | Wait:
        child = await children.child_of_step(asked.session, asked.run, asked.step.number)
        if child is None:
            return await _start(asked, agent_id)
        return _came_of(child) if child.status in TERMINAL else Wait(for_person=False)

    return EngineTool(
        name=tool_name,
        description=f"Has the agent {name!r} do something, and answers what it says.",
        parameters=_PARAMETERS,
        effect=Effect.NON_IDEMPOTENT,
        answer=answer,
    )


async def _start(asked: Asked, agent_id: UUID) -> Outcome | Wait:
    given = asked.step.input or {}
    if issues := issues_of(_PARAMETERS, given):
        return Outcome(error="; ".join(issue.message for issue in issues))
    if asked.run.depth >= DEEPEST:
        return Outcome(error=f"Agents may have agents work for them {DEEPEST} deep; this is the last.")
    agent = await agent_rows.get_agent(asked.session, asked.run.user_id, agent_id)
    if agent is None or agent.archived_at is not None:
        return Outcome(error="This agent is not there any more.")
    return Wait(for_person=False, open=_opening(agent, asked.step.number, given["input"]))


def _opening(agent: AgentRow, step: int, text: str) -> Callable[[Session, ExecutionRow], Awaitable[None]]:
    """What starts the child. The calls of one turn share what is left of the budget."""

    async def open_(session: Session, run: ExecutionRow) -> None:
        fields = {
            "parent_step": step,
            "input": text,
            "agent_id": agent.id,
            "agent_version_id": agent.version_id,
        }
        beside = len(await step_rows.open_steps(session, run.user_id, run.id))
        await start_child(session, run, Share.of(run, beside), fields)

    return open_


def _came_of(child: ExecutionRow) -> Outcome:
    match child.status:
        case Status.COMPLETED:
            return Outcome(result={"answer": child.result})
        case Status.CANCELLED:
            return Outcome(error="It was stopped before it had an answer.")
        case _:
            return Outcome(error=child.error or "It failed.")
