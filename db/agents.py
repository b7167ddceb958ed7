"""Agents as rows: each with the newest of its versions, or with the one that a run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam

from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
from db.tables import Agent, AgentVersion


class AgentRow(Row):
    """An agent with one of its versions."""

    id: UUID
    user_id: UUID
    name: str
    version: int
    version_id: UUID
    instructions: str
    model: str
    temperature: float | None
    max_steps: int
    long_history: str
    tool_names: list[str] | None
    approval_required: list[str]
    subagent_ids: list[UUID]
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = """
    agent.id, agent.user_id, version.name, version.version, version.id as version_id, version.instructions,
    version.model, version.temperature, version.max_steps, version.long_history, version.tool_names,
    version.approval_required, version.subagent_ids, agent.archived_at, agent.created_at, agent.updated_at
"""
_NEWEST = """
    agents as agent
    join agent_versions as version on version.agent_id = agent.id and version.version = agent.version
"""

AGENTS = Listing(
    AgentRow,
    Agent,
    where=(Agent.user_id == bindparam("user_id", required=True))
    & (AgentVersion.agent_id == Agent.id)
    & (AgentVersion.version == Agent.version),
    orders={"CREATED_AT": Agent.created_at},
    filters={"archived": Agent.archived_at.is_not(None) == bindparam("archived", required=True)},
    beside={
        "version_id": AgentVersion.id,
        "instructions": AgentVersion.instructions,
        "model": AgentVersion.model,
        "temperature": AgentVersion.temperature,
        "max_steps": AgentVersion.max_steps,
        "long_history": AgentVersion.long_history,
        "tool_names": AgentVersion.tool_names,
        "approval_required": AgentVersion.approval_required,
        "subagent_ids": AgentVersion.subagent_ids,
    },
)

_ADD_VERSION = f"""
    version as (
      insert into agent_versions
        (id, agent_id, user_id, version, name, instructions, model, temperature, max_steps,
         long_history, tool_names, approval_required, subagent_ids)
      select :version_id, agent.id, agent.user_id, agent.version, agent.name, :instructions, :model,
        :temperature, :max_steps, :long_history, :tool_names, :approval_required, :subagent_ids
      from agent
      returning *
    )
    select {_COLUMNS} from agent, version
"""
_INSERT = Query(
    f"""
    with agent as (
      insert into agents (id, user_id, name) values (:id, :user_id, :name) returning *
    ), {_ADD_VERSION}
    """,
    AgentRow,
)
# Locks the agent that it changes, whose owner is locked before.
_UPDATE = Query(
    f"""
    with agent as (
      update agents set name = :name, version = version + 1, updated_at = now()
      where user_id = :user_id and id = :id
      returning *
    ), {_ADD_VERSION}
    """,
    AgentRow,
)
_ARCHIVE = Query(
    """
    update agents set archived_at = now(), updated_at = now()
    where user_id = :user_id and id = :id and archived_at is null
    """
)
_GET_MANY = Query(
    f"select {_COLUMNS} from {_NEWEST} where agent.user_id = :user_id and agent.id = any(:ids)", AgentRow
)
_GET_VERSION = Query(
    f"""
    select {_COLUMNS} from agents as agent join agent_versions as version on version.agent_id = agent.id
    where agent.user_id = :user_id and version.id = :version_id
    """,
    AgentRow,
)
# What they were called when that version was made: later names are not known to it.
_NAMES_AT = Query(
    """
    select distinct on (version.agent_id) version.agent_id, version.name
    from agent_versions as version
    join agent_versions as caller on caller.id = :version_id and caller.user_id = :user_id
    where version.user_id = :user_id and version.agent_id = any(:ids)
    order by version.agent_id, version.created_at > caller.created_at, version.version desc
    """
)
_NAMED = Query("select id from agents where user_id = :user_id and name = :name and archived_at is null")
# From these agents on down, by the newest version of each.
_BELOW = Query(
    f"""
    with recursive below as (
      select agent.id, version.subagent_ids from {_NEWEST}
      where agent.user_id = :user_id and agent.id = any(:ids)
      union
      select agent.id, version.subagent_ids from {_NEWEST}
      join below on agent.id = any(below.subagent_ids) where agent.user_id = :user_id
    )
    select id from below
    """
)


async def insert_agent(session: Session, fields: Mapping[str, object]) -> AgentRow:
    """A new agent and its first version.

    `fields`: id, user_id, version_id, name, instructions, model, temperature, max_steps, long_history,
    tool_names, approval_required, subagent_ids.
    """
    return await session.one(_INSERT, **fields)


async def add_version(session: Session, fields: Mapping[str, object]) -> AgentRow:
    """A new version of an agent that is there. `fields`: those of `insert_agent`."""
    return await session.one(_UPDATE, **fields)


async def archive_agent(session: Session, user_id: UUID, agent_id: UUID) -> None:
    """Put the agent away; one that is, stays as it is."""
    await session.run(_ARCHIVE, user_id=user_id, id=agent_id)


async def get_agent(reader: Reader, user_id: UUID, agent_id: UUID) -> AgentRow | None:
    """The agent, archived or not, if it is there and this user's."""
    return await reader.first(_GET_MANY, user_id=user_id, ids=[agent_id])


async def get_agents(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[AgentRow]:
    """Those of the agents that are there and this user's, archived or not, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def get_agent_version(reader: Reader, user_id: UUID, version_id: UUID) -> AgentRow | None:
    """The agent as it was in this version."""
    return await reader.first(_GET_VERSION, user_id=user_id, version_id=version_id)


async def agent_named(reader: Reader, user_id: UUID, name: str) -> UUID | None:
    """Which of the user's agents that are not archived has this name."""
    row = await reader.first(_NAMED, user_id=user_id, name=name)
    return None if row is None else row["id"]


async def agents_below(reader: Reader, user_id: UUID, ids: list[UUID]) -> set[UUID]:
    """These agents, their subagents, and theirs."""
    return {row["id"] for row in await reader.all(_BELOW, user_id=user_id, ids=ids)}


async def names_at(reader: Reader, user_id: UUID, ids: list[UUID], version_id: UUID) -> dict[UUID, str]:
    """What these agents were called when a version of another one was made: always the same."""
    found = await reader.all(_NAMES_AT, user_id=user_id, ids=ids, version_id=version_id)
    return {row["agent_id"]: row["name"] for row in found}
