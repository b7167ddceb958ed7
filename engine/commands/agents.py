"""What may be done with an agent: made, changed (which makes a new version) and put away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any
from uuid import UUID

from db import agents as rows
from db.agents import AgentRow
from db.session import Session
from db.tasks import lock_owner
from engine.commands.blueprints import Blueprint, Offer, as_given
from engine.tools.subagents import subagent_tools
from errors import InvalidInput, Issue, NotFound, VersionConflict
from ids import new_id

_EMPTY: dict[str, Any] = {"approval_required": (), "subagent_ids": ()}
_CAN_BE_NULL = {"temperature", "tool_names"}


async def create_agent(session: Session, user_id: UUID, given: Mapping[str, Any], offer: Offer) -> AgentRow:
    """A new agent. `given`: fields of a Blueprint; null is the default.

    Raises InvalidInput, and NotFound for a subagent that is not this user's.
    """
    wanted = Blueprint(**{name: value for name, value in given.items() if value is not None})
    await lock_owner(session, user_id)
    agent_id = new_id()
    await _check(session, user_id, agent_id, wanted, offer)
    return await rows.insert_agent(session, _version(user_id, agent_id, wanted))


async def update_agent(
    session: Session,
    user_id: UUID,
    agent_id: UUID,
    given: Mapping[str, Any],
    offer: Offer,
    expected_version: int | None = None,
) -> AgentRow:
    """A new version of the agent, with these fields changed; runs that are under way keep theirs.

    Raises InvalidInput, NotFound and VersionConflict.
    """
    await lock_owner(session, user_id)
    row = await rows.get_agent(session, user_id, agent_id)
    if row is None:
        raise NotFound(path=("input", "id"))
    if expected_version is not None and expected_version != row.version:
        raise VersionConflict(row.version)
    if row.archived_at is not None:
        raise InvalidInput([Issue(("input", "id"), "This agent is archived.")])
    wanted = replace(_blueprint(row), **_without_nulls(given))
    await _check(session, user_id, agent_id, wanted, offer.keeping(row.tool_names or ()))
    return await rows.add_version(session, _version(user_id, agent_id, wanted))


async def archive_agent(session: Session, user_id: UUID, agent_id: UUID) -> AgentRow:
    """Put the agent away: nothing new is given to it, and its name is free. Raises NotFound."""
    await lock_owner(session, user_id)
    await rows.archive_agent(session, user_id, agent_id)
    row = await rows.get_agent(session, user_id, agent_id)
    if row is None:
        raise NotFound(path=("id",))
    return row


async def agent_for_work(session: Session, user_id: UUID, agent_id: UUID, *path: str) -> AgentRow:
    """The agent that new work is to be given to; `path` leads to it in the input, where it is not `agentId`.

    Raises NotFound, and InvalidInput for an archived one.
    """
    at = ("input", *(path or ("agentId",)))
    row = await rows.get_agent(session, user_id, agent_id)
    if row is None:
        raise NotFound(path=at)
    if row.archived_at is not None:
        raise InvalidInput([Issue(at, "This agent is archived.")])
    return row


def _blueprint(row: AgentRow) -> Blueprint:
    return Blueprint(**{field.name: getattr(row, field.name) for field in fields(Blueprint)})


def _without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    """Null takes away what an agent can be without. Raises InvalidInput for the rest."""
    nulls = [name for name, value in given.items() if value is None and name not in _CAN_BE_NULL]
    if wrong := [name for name in nulls if name not in _EMPTY]:
        raise InvalidInput([Issue(("input", as_given(name)), "This field cannot be null.") for name in wrong])
    return {**given, **{name: _EMPTY[name] for name in nulls}}


def _version(user_id: UUID, agent_id: UUID, wanted: Blueprint) -> dict[str, object]:
    return {**asdict(wanted), "id": agent_id, "user_id": user_id, "version_id": new_id()}


async def _check(session: Session, user_id: UUID, agent_id: UUID, wanted: Blueprint, offer: Offer) -> None:
    """Everything that can be wrong, the owner's row being locked. Raises InvalidInput and NotFound."""
    subagents = await rows.get_agents(session, user_id, list(wanted.subagent_ids))
    issues = wanted.issues(replace(offer, subagents=_tools_of(wanted, subagents)))
    if await rows.agent_named(session, user_id, wanted.name) not in {None, agent_id}:
        issues.append(Issue(("input", "name"), "You have an agent of this name already."))
    if not issues:
        issues += await _subagent_issues(session, user_id, agent_id, wanted, subagents)
    if issues:
        raise InvalidInput(issues)


def _tools_of(wanted: Blueprint, subagents: Sequence[AgentRow]) -> list[str]:
    names = {row.id: row.name for row in subagents}
    return [
        tool.name for tool in subagent_tools({one: names[one] for one in wanted.subagent_ids if one in names})
    ]


async def _subagent_issues(
    session: Session, user_id: UUID, agent_id: UUID, wanted: Blueprint, found: Sequence[AgentRow]
) -> list[Issue]:
    ids = list(wanted.subagent_ids)
    if not ids:
        return []
    if len(found) < len(ids):
        raise NotFound(path=("input", "subagentIds"))
    path = ("input", "subagentIds")
    if agent_id in await rows.agents_below(session, user_id, ids):
        return [Issue(path, "An agent cannot work for itself, not even in a roundabout way.")]
    return [
        Issue(path, f"The agent {row.name!r} is archived.") for row in found if row.archived_at is not None
    ]
