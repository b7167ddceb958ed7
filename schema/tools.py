"""Tools, the servers that offer them, and what can be done with those."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

import ids
from db.tool_servers import ToolServerRow
from engine.commands import tool_servers as engine
from engine.tools.offer import offered_tools
from engine.tools.servers import Servers
from engine.tools.tool import Effect as ToolEffect
from engine.tools.tool import Tool as ToolSpec
from ids import Kind
from resolvers import tool_servers
from resolvers.idempotency import Call, Effect, recall_deletion
from schema import problems
from schema.arguments import or_none
from schema.columns import column, off_rows
from schema.context import Info
from schema.mutations import attempt, call_of, mutate
from schema.node import Node
from schema.scalars import JSON

strawberry.enum(
    ToolEffect,
    name="ToolEffect",
    description="What a repeated call of a tool would do: decides what happens to a call whose outcome a "
    "crash has hidden.",
)


@strawberry.type(description="A function that agents may call.")
class Tool:
    name: str = strawberry.field(description="What agents call it by; of an MCP server's, `server.tool`.")
    description: str = strawberry.field(description="What the model reads of it.")
    parameters: JSON = strawberry.field(description="JSON Schema of the arguments.")
    effect: ToolEffect = strawberry.field(description="What a repeated call would do.")
    source: str = strawberry.field(description="`builtin`, or the name of the MCP server that offers it.")

    @classmethod
    def of(cls, tool: ToolSpec) -> Tool:
        return cls(
            name=tool.name,
            description=tool.description,
            parameters=JSON(tool.parameters),
            effect=tool.effect,
            source=tool.source,
        )


@off_rows
@strawberry.type(description="An MCP server (streamable HTTP) whose tools the user's agents may use.")
class ToolServer(Node):
    id: strawberry.ID = column(lambda row: strawberry.ID(ids.encode(Kind.TOOL_SERVER, row.id)))
    name: str = column(description="Prefixes its tools' names: `name.tool`.")
    url: str = column(description="Where it is reached.")
    created_at: datetime = column()
    row: strawberry.Private[ToolServerRow]

    @classmethod
    def of(cls, row: ToolServerRow) -> ToolServer:
        return cls(row=row)

    @strawberry.field(description="What it offers.")
    def tools(self) -> list[Tool]:
        return [Tool.of(tool) for tool in tool_servers.tools_of(self.row)]


@strawberry.input
class RegisterToolServerInput:
    name: str = strawberry.field(
        description="A letter, then letters, digits, `-` and single `_`: 32 at most; unique for each user."
    )
    url: str = strawberry.field(
        description="http or https; addresses inside the server's own network are refused unless the "
        "operator allows them."
    )
    headers: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="Sent with each call; stored encrypted, never returned."
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class RegisterToolServerSuccess:
    tool_server: ToolServer
    replayed: bool


@strawberry.type
class RemoveToolServerSuccess:
    id: strawberry.ID
    deleted: bool


RegisterToolServerResult = Annotated[
    RegisterToolServerSuccess
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("RegisterToolServerResult"),
]
RemoveToolServerResult = Annotated[
    RemoveToolServerSuccess | problems.InvalidInput, strawberry.union("RemoveToolServerResult")
]

_PROBE_SECONDS = 20.0
"What registering may take beyond an operation's own time."


@strawberry.type
class ToolQueries:
    @strawberry.field(description="Tools an agent may be given.")
    async def tools(self, info: Info) -> list[Tool]:
        return [Tool.of(tool) for tool in await tools_of_viewer(info)]

    @strawberry.field(description="The viewer's, by name.")
    async def tool_servers(self, info: Info) -> list[ToolServer]:
        db, user_id = info.context.services.db, info.context.user_id
        return [ToolServer.of(row) for row in await tool_servers.tool_servers_of(db, user_id)]


@strawberry.type
class ToolMutations:
    @strawberry.mutation(description="Name an MCP server; its tools are asked for now.")
    async def register_tool_server(
        self, info: Info, input: RegisterToolServerInput
    ) -> RegisterToolServerResult:
        return await attempt(
            _register(info, input),
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="Forget an MCP server. Calls under way are not stopped.")
    async def remove_tool_server(self, info: Info, id: strawberry.ID) -> RemoveToolServerResult:
        user_id, server_id = info.context.user_id, ids.decode(Kind.TOOL_SERVER, id)
        return await mutate(
            info,
            Call("removeToolServer", {"id": id}, info.context.idempotency_key),
            Effect(
                carry_out=lambda session: engine.remove_server(session, user_id, server_id),
                refer=lambda deleted: {"deleted": deleted},
                recall=recall_deletion,
            ),
            lambda deleted, _: RemoveToolServerSuccess(id=id, deleted=deleted),
            problems.InvalidInput,
        )


async def _register(info: Info, asked: RegisterToolServerInput) -> Any:
    user_id, services = info.context.user_id, info.context.services
    call, servers = call_of(info, "registerToolServer", asked), Servers.of(services.settings)
    new = engine.checked(asked.name, asked.url, or_none(asked.headers))
    info.context.more_time(_PROBE_SECONDS)
    offers = await tool_servers.probe(services.db, user_id, call, servers, new)
    return await mutate(
        info,
        call,
        Effect(
            carry_out=lambda session: engine.register_server(session, user_id, new, offers, servers.seal),
            refer=tool_servers.refer_to,
            recall=lambda session, reference: tool_servers.recall_server(session, user_id, reference),
        ),
        lambda row, replayed: RegisterToolServerSuccess(tool_server=ToolServer.of(row), replayed=replayed),
        problems.InvalidInput,
        problems.IdempotencyConflict,
        problems.IdempotencyInFlight,
    )


async def tools_of_viewer(info: Info) -> list[ToolSpec]:
    """Every tool that the viewer's agents may be given; read once for all who ask just now."""
    offered = await info.context.load(tool_servers.tools_by_users, info.context.user_id)
    return [*offered_tools(info.context.services.settings), *(offered or ())]
