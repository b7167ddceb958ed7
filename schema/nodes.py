"""Any object by its global id: one statement for each kind that is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import strawberry

import ids
from db.connection import Database
from errors import BadUserInput
from ids import Kind
from resolvers import agents, conversations, executions, interrupts, schedules, tasks, tool_servers, users
from schema.agents import Agent
from schema.context import Info
from schema.node import Node
from schema.schedules import Schedule
from schema.scopes import scope_of_id
from schema.steps import Step
from schema.tools import ToolServer
from schema.types import Conversation, Execution, Interrupt, Message, Task
from schema.users import User

MOST_NODES = 100

Find: TypeAlias = Callable[[Database, UUID, list[UUID]], Awaitable[Mapping[UUID, Any]]]

_KINDS: dict[Kind, tuple[Find, Callable[[Any], Node]]] = {
    Kind.USER: (users.users_by_ids, User.of),
    Kind.TASK: (tasks.tasks_by_ids, Task.of),
    Kind.EXECUTION: (executions.executions_by_ids, Execution.of),
    Kind.AGENT: (agents.agents_by_ids, Agent.of),
    Kind.CONVERSATION: (conversations.conversations_by_ids, Conversation.of),
    Kind.MESSAGE: (conversations.messages_by_ids, Message.of),
    Kind.TOOL_SERVER: (tool_servers.tool_servers_by_ids, ToolServer.of),
    Kind.STEP: (executions.steps_by_ids, Step.of),
    Kind.INTERRUPT: (interrupts.interrupts_by_ids, Interrupt.of),
    Kind.SCHEDULE: (schedules.schedules_by_ids, Schedule.of),
}


async def nodes_of(info: Info, asked: Sequence[str]) -> list[Node | None]:
    """The objects in the order asked for, None for what is not there.

    Raises Unauthenticated whatever is asked for, then BadUserInput, InvalidId and Forbidden.
    """
    user_id = info.context.user_id
    if len(asked) > MOST_NODES:
        raise BadUserInput(f"At most {MOST_NODES} ids.")
    parsed = [ids.parse(text) for text in asked]
    wanted: defaultdict[Kind, list[UUID]] = defaultdict(list)
    for kind, value in parsed:
        info.context.require(scope_of_id(kind))
        wanted[kind].append(value)
    found = {kind: await _find(info, user_id, kind, values) for kind, values in wanted.items()}
    return [found[kind].get(value) for kind, value in parsed]


async def _find(info: Info, user_id: UUID, kind: Kind, values: list[UUID]) -> dict[UUID, Node]:
    find, make = _KINDS[kind]
    rows = await find(info.context.services.db, user_id, values)
    return {value: make(row) for value, row in rows.items()}


@strawberry.type
class NodeQueries:
    @strawberry.field(description="Any object by its id; null where there is none, or it is another's.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        return (await nodes_of(info, [id]))[0]

    @strawberry.field(description="At most 100 ids; null in the place of what is not there.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        return await nodes_of(info, ids)
