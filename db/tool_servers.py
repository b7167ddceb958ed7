"""Tool servers as rows: where they are, what is sent to them, and what they said last that they offer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from db.query import Query, Row
from db.session import Reader, Session


class ToolServerRow(Row):
    """A tool server as it stands."""

    id: UUID
    user_id: UUID
    name: str
    url: str
    sealed_headers: bytes | None
    tools: list[dict[str, Any]] | None
    tools_at: datetime | None
    created_at: datetime


class _AgedRow(ToolServerRow):
    is_stale: bool


_COLUMNS = ", ".join(ToolServerRow.columns())

_INSERT = Query(
    f"""
    insert into tool_servers (id, user_id, name, url, sealed_headers, tools, tools_at)
    values (:id, :user_id, :name, :url, :sealed_headers, :tools, clock_timestamp())
    on conflict (user_id, name) do nothing
    returning {_COLUMNS}
    """,
    ToolServerRow,
)
_OF_USERS = Query(
    f"select {_COLUMNS} from tool_servers where user_id = any(:user_ids) order by name", ToolServerRow
)
_GET_MANY = Query(
    f"select {_COLUMNS} from tool_servers where user_id = :user_id and id = any(:ids)", ToolServerRow
)
_NAMED = Query(
    f"""
    select {_COLUMNS}, tools_at is null or tools_at < clock_timestamp() - make_interval(secs => :seconds)
      as is_stale
    from tool_servers where user_id = :user_id and name = any(:names)
    """,
    _AgedRow,
)
_RENEW = Query(
    """
    update tool_servers set tools = :tools, tools_at = clock_timestamp()
    where user_id = :user_id and id = :id
    """
)
_DELETE = Query("delete from tool_servers where user_id = :user_id and id = :id")


async def insert_tool_server(session: Session, fields: Mapping[str, object]) -> ToolServerRow | None:
    """A new server; None where the user has one of this name.

    `fields`: id, user_id, name, url, sealed_headers, tools.
    """
    return await session.first(_INSERT, **fields)


async def get_tool_servers(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[ToolServerRow]:
    """Those of the servers that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def tool_servers_of(reader: Reader, user_ids: list[UUID]) -> list[ToolServerRow]:
    """Every server of these users, by name."""
    return await reader.all(_OF_USERS, user_ids=user_ids)


async def tool_servers_named(
    reader: Reader, user_id: UUID, names: list[str], fresh_seconds: float
) -> list[tuple[ToolServerRow, bool]]:
    """The user's servers of these names, and whether what is kept of each is older than `fresh_seconds`."""
    rows = await reader.all(_NAMED, user_id=user_id, names=names, seconds=fresh_seconds)
    return [(row, row.is_stale) for row in rows]


async def renew_tools(session: Session, row: ToolServerRow, tools: list[dict[str, Any]]) -> None:
    """Keep what the server says now that it offers."""
    await session.run(_RENEW, user_id=row.user_id, id=row.id, tools=tools)


async def delete_tool_server(session: Session, user_id: UUID, server_id: UUID) -> bool:
    """False when there was nothing to delete."""
    return await session.run(_DELETE, user_id=user_id, id=server_id) == 1
