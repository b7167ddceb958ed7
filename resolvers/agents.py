"""Reading agents, and what they can be made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from db import agents as rows
from db.agents import AGENTS, AgentRow
from db.connection import Database
from db.paging import Slice
from db.session import Session
from engine.commands import agents as engine
from engine.commands.blueprints import Offer
from engine.models.providers import model_problem
from engine.tools.tool import BUILTIN_SOURCE, OPERATOR_SOURCE, Tool
from resolvers.idempotency import Reference
from resolvers.paging import Window
from resolvers.tool_servers import tool_names
from settings import Settings


async def agent_by_id(db: Database, user_id: UUID, agent_id: UUID) -> AgentRow | None:
    """The agent, archived or not, if it is there and this user's."""
    return await rows.get_agent(db.reading(user_id), user_id, agent_id)


async def agents_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, AgentRow]:
    """Those of the agents that are there and this user's."""
    return {row.id: row for row in await rows.get_agents(db.reading(user_id), user_id, ids)}


async def agent_page(
    db: Database, user_id: UUID, filters: Mapping[str, object], window: Window
) -> Slice[AgentRow]:
    """One page of the user's agents, newest first. Raises BadUserInput and InvalidCursor."""
    page = window.page("CREATED_AT", descending=True)
    return await AGENTS.page(db.reading(user_id), page, {**filters, "user_id": user_id})


async def agent_count(db: Database, user_id: UUID, filters: Mapping[str, object]) -> int:
    """How many agents the filters let through."""
    return await AGENTS.count(db.reading(user_id), {**filters, "user_id": user_id})


async def create_agent(
    session: Session, settings: Settings, user_id: UUID, given: Mapping[str, Any]
) -> AgentRow:
    """As `engine.commands.agents.create_agent`, of what there is here."""
    return await engine.create_agent(session, user_id, given, await _offer(session, settings, user_id))


async def update_agent(
    session: Session,
    settings: Settings,
    user_id: UUID,
    agent_id: UUID,
    given: Mapping[str, Any],
    expected_version: int | None,
) -> AgentRow:
    """As `engine.commands.agents.update_agent`, of what there is here."""
    offer = await _offer(session, settings, user_id)
    return await engine.update_agent(session, user_id, agent_id, given, offer, expected_version)


async def _offer(session: Session, settings: Settings, user_id: UUID) -> Offer:
    return Offer(await tool_names(session, settings, user_id), partial(model_problem, settings))


def tools_among(row: AgentRow, there: Sequence[Tool]) -> list[Tool]:
    """Those of the tools that are there that the agent has: those that it names, or all of the house."""
    if row.tool_names is None:
        return [tool for tool in there if tool.source in {BUILTIN_SOURCE, OPERATOR_SOURCE}]
    return [tool for tool in there if tool.name in row.tool_names]


async def recall_agent(session: Session, user_id: UUID, reference: Reference) -> AgentRow:
    """The agent that an earlier request made or changed, as it stands now."""
    row = await rows.get_agent(session, user_id, UUID(reference["id"]))
    if row is None:
        raise LookupError(reference["id"])
    return row


def refer_to(row: AgentRow) -> Reference:
    """What `recall_agent` finds the agent by."""
    return {"id": str(row.id)}
