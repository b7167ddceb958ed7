"""Reading tools and the servers that offer them, and asking a server what it offers."""

from __future__ import annotations

from uuid import UUID

from db import tool_servers as rows
from db.connection import Database
from db.idempotency import are_known
from db.session import Session
from db.tool_servers import ToolServerRow
from engine.commands.tool_servers import NewServer
from engine.tools.offer import offered_tools
from engine.tools.offers import ServerFailed, ToolOffer
from engine.tools.servers import Servers
from engine.tools.tool import Tool
from errors import InvalidInput, Issue
from resolvers.idempotency import Call, Reference
from settings import Settings


async def tool_servers_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, ToolServerRow]:
    """Those of the servers that are there and this user's."""
    return {row.id: row for row in await rows.get_tool_servers(db.reading(user_id), user_id, ids)}


async def tool_servers_of(db: Database, user_id: UUID) -> list[ToolServerRow]:
    """Every server of the user's, by name."""
    return await rows.tool_servers_of(db.reading(user_id), [user_id])


async def tools_by_users(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, list[Tool]]:
    """What the user's servers offer; the only id that is asked for is the user's own."""
    tools = [tool for row in await tool_servers_of(db, user_id) for tool in tools_of(row)]
    return dict.fromkeys(ids, tools)


async def tool_names(session: Session, settings: Settings, user_id: UUID) -> list[str]:
    """The names of all tools that the user's agents may be given."""
    servers = await rows.tool_servers_of(session, [user_id])
    offered = (tool.name for row in servers for tool in tools_of(row))
    return [*(tool.name for tool in offered_tools(settings)), *offered]


def tools_of(row: ToolServerRow) -> list[Tool]:
    """What the server said last that it offers."""
    return [ToolOffer.of(kept).tool(row.name) for kept in row.tools or ()]


async def probe(db: Database, user_id: UUID, call: Call, servers: Servers, new: NewServer) -> list[ToolOffer]:
    """What the server offers; nothing is asked for a request that was carried out before.

    Holds no connection while it waits. Raises InvalidInput where it offers nothing that we can read.
    """
    async with db.as_user(user_id) as session:
        if call.key is not None and await are_known(session, user_id, [(call.mutation, call.key)]):
            return []
    try:
        return await servers.offers(new.url, new.headers)
    except ServerFailed as problem:
        raise InvalidInput([Issue(("input", "url"), problem.message)]) from problem


async def recall_server(session: Session, user_id: UUID, reference: Reference) -> ToolServerRow:
    """The server that an earlier request registered. Raises InvalidInput where it is gone."""
    found = await rows.get_tool_servers(session, user_id, [UUID(reference["id"])])
    if not found:
        raise InvalidInput([Issue(("input", "idempotencyKey"), "What it registered was removed since.")])
    return found[0]


def refer_to(row: ToolServerRow) -> Reference:
    """What `recall_server` finds the server by."""
    return {"id": str(row.id)}
