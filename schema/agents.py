"""Agents: what they are made of, and what can be done with them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

import ids
from db.agents import AgentRow
from engine.commands import agents as engine
from engine.versions import LongHistory
from ids import Kind
from projection import holds_row
from resolvers import agents
from resolvers.idempotency import Call, Effect
from schema import problems
from schema.arguments import or_none, window
from schema.columns import column, id_column, off_rows
from schema.connection import Connection, connection, ordered_by
from schema.context import Info
from schema.mutations import call_of, given, input_id, mutate
from schema.node import Node
from schema.tools import Tool, tools_of_viewer

_FIELDS = (
    "name",
    "instructions",
    "model",
    "temperature",
    "max_steps",
    "long_history",
    "tool_names",
    "approval_required",
)
strawberry.enum(
    LongHistory,
    description="What becomes of the oldest messages of a conversation that is too long for the model: "
    "they are left out (TRIM), or the model summarises them in a step of the run (SUMMARIZE).",
)


@off_rows
@strawberry.type(
    description="What answers and acts: instructions, a model and tools. Without one, runs go to the "
    "built-in assistant."
)
class Agent(Node):
    id: strawberry.ID = id_column(Kind.AGENT)
    name: str = column(description="Unique among the user's agents.")
    instructions: str = column(description="What the model is told before everything else.")
    model: str = column(
        description="`rules` is built in and needs no key or network; others are `provider:model`, "
        "e.g. `openai:gpt-5`, `anthropic:claude-opus-4-6`."
    )
    temperature: float | None = column(description="0 to 2; null leaves it to the provider.")
    max_steps: int = column(description="A run that has taken so many steps ends with MAX_STEPS.")
    long_history: LongHistory = column()
    approval_required: list[str] = column(
        description="Tools of this agent that wait for a person's approval before each call."
    )
    version: int = column(
        description="Each update makes a new version; a run keeps the version it started with."
    )
    archived_at: datetime | None = column(
        description="When it was archived: nothing new is given to it, and its name is free."
    )
    created_at: datetime = column()
    updated_at: datetime = column()
    row: strawberry.Private[AgentRow]

    @classmethod
    @holds_row
    def of(cls, row: AgentRow) -> Agent:
        return cls(row=row)

    @strawberry.field(description="Those of its tools that are there today.")
    async def tools(self, info: Info) -> list[Tool]:
        there = await tools_of_viewer(info)
        return [Tool.of(tool) for tool in agents.tools_among(self.row, there)]

    @strawberry.field(description="Agents that it may call, as tools named `ask_<name>`.")
    async def subagents(self, info: Info) -> list[Annotated[Agent, strawberry.lazy("schema.agents")]]:
        found = await info.context.load_many(agents.agents_by_ids, self.row.subagent_ids)
        return [Agent.of(row) for row in found if row is not None]


@strawberry.input
class CreateAgentInput:
    name: str = strawberry.field(
        description="1 to 100 characters, no leading or trailing spaces; unique for each user."
    )
    instructions: str | None = strawberry.field(
        default="", description="What the model is told before everything else: up to 50,000 characters."
    )
    model: str | None = strawberry.field(default="rules", description="`rules`, or `provider:model`.")
    temperature: float | None = strawberry.field(default=strawberry.UNSET, description="0 to 2.")
    max_steps: int | None = strawberry.field(default=10, description="1 to 1,000.")
    long_history: LongHistory | None = LongHistory.TRIM
    tool_names: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Left out: the built-in and the operator's. Tools of MCP servers have to be named. At "
        "most 128.",
    )
    approval_required: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Names of tools that wait for a person before each call."
    )
    subagent_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Agents that it may call, as tools named `ask_<name>`: at most 32.",
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Fields left out stay as they are.")
class UpdateAgentInput:
    id: strawberry.ID
    name: str | None = strawberry.UNSET
    instructions: str | None = strawberry.UNSET
    model: str | None = strawberry.UNSET
    temperature: float | None = strawberry.UNSET
    max_steps: int | None = strawberry.UNSET
    long_history: LongHistory | None = strawberry.UNSET
    tool_names: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="With null the built-in and the operator's, none with []."
    )
    approval_required: list[str] | None = strawberry.UNSET
    subagent_ids: list[strawberry.ID] | None = strawberry.UNSET
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET, description="VersionConflict where the agent is at another version."
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class CreateAgentSuccess:
    agent: Agent
    replayed: bool


@strawberry.type
class UpdateAgentSuccess:
    agent: Agent
    replayed: bool


@strawberry.type(description="Archiving is idempotent.")
class ArchiveAgentSuccess:
    agent: Agent


CreateAgentResult = Annotated[
    CreateAgentSuccess
    | problems.InvalidInput
    | problems.NotFound
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("CreateAgentResult"),
]
UpdateAgentResult = Annotated[
    UpdateAgentSuccess
    | problems.NotFound
    | problems.VersionConflict
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("UpdateAgentResult"),
]
ArchiveAgentResult = Annotated[
    ArchiveAgentSuccess | problems.NotFound, strawberry.union("ArchiveAgentResult")
]


@strawberry.type
class AgentQueries:
    @strawberry.field(description="By id.")
    async def agent(self, info: Info, id: strawberry.ID) -> Agent | None:
        db, user_id = info.context.services.db, info.context.user_id
        row = await agents.agent_by_id(db, user_id, ids.decode(Kind.AGENT, id))
        return None if row is None else Agent.of(row)

    @strawberry.field(description="Newest first; archived ones only with `includeArchived`.")
    async def agents(
        self,
        info: Info,
        include_archived: bool | None = False,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> Connection[Agent]:
        db, user_id = info.context.services.db, info.context.user_id
        filters = {} if include_archived else {"archived": False}
        page = await agents.agent_page(db, user_id, filters, window(first, after, last, before))
        return connection(
            page,
            node=Agent.of,
            cursor=ordered_by("CREATED_AT"),
            count=lambda: agents.agent_count(db, user_id, filters),
        )


@strawberry.type
class AgentMutations:
    @strawberry.mutation(description="Make an agent.")
    async def create_agent(self, info: Info, input: CreateAgentInput) -> CreateAgentResult:
        user_id, settings = info.context.user_id, info.context.services.settings
        return await mutate(
            info,
            call_of(info, "createAgent", input),
            Effect(
                carry_out=lambda session: agents.create_agent(session, settings, user_id, _fields(input)),
                refer=agents.refer_to,
                recall=lambda session, reference: agents.recall_agent(session, user_id, reference),
            ),
            lambda row, replayed: CreateAgentSuccess(agent=Agent.of(row), replayed=replayed),
            problems.InvalidInput,
            problems.NotFound,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(
        description="Change an agent, as a new version; runs keep the version that they began with."
    )
    async def update_agent(self, info: Info, input: UpdateAgentInput) -> UpdateAgentResult:
        user_id, settings = info.context.user_id, info.context.services.settings
        version = or_none(input.expected_version)
        return await mutate(
            info,
            call_of(info, "updateAgent", input),
            Effect(
                carry_out=lambda session: agents.update_agent(
                    session, settings, user_id, input_id(Kind.AGENT, input.id), _fields(input), version
                ),
                refer=agents.refer_to,
                recall=lambda session, reference: agents.recall_agent(session, user_id, reference),
            ),
            lambda row, replayed: UpdateAgentSuccess(agent=Agent.of(row), replayed=replayed),
            problems.NotFound,
            problems.VersionConflict,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="Take an agent out of use.")
    async def archive_agent(self, info: Info, id: strawberry.ID) -> ArchiveAgentResult:
        user_id, agent_id = info.context.user_id, ids.decode(Kind.AGENT, id)
        return await mutate(
            info,
            Call("archiveAgent", {"id": id}, info.context.idempotency_key),
            Effect(
                carry_out=lambda session: engine.archive_agent(session, user_id, agent_id),
                refer=agents.refer_to,
                recall=lambda session, reference: agents.recall_agent(session, user_id, reference),
            ),
            lambda row, _: ArchiveAgentSuccess(agent=Agent.of(row)),
            problems.NotFound,
        )


def _fields(asked: CreateAgentInput | UpdateAgentInput) -> dict[str, Any]:
    """Those that were given, by the names of a blueprint. Raises InvalidInput for what is no id."""
    fields = given(asked, *_FIELDS)
    if asked.subagent_ids is not strawberry.UNSET:
        texts = or_none(asked.subagent_ids)
        fields["subagent_ids"] = texts and [input_id(Kind.AGENT, text, "subagentIds") for text in texts]
    return fields
