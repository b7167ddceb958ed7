"""The tools of users' MCP servers: asked for, kept for a while, and called with the effect key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from uuid import UUID

import orjson

from auth import load_secret
from db import tool_servers as rows
from db.connection import Database
from db.executions import ExecutionRow
from db.tool_servers import ToolServerRow
from engine.tools.offers import ServerFailed, ToolOffer
from engine.tools.sealing import BrokenSeal, Seal
from engine.tools.tool import Call, ExternalTool, Toolbox, ToolFailed, Tools, Transient
from engine.versions import AgentVersion
from settings import Network, Settings

log = logging.getLogger(__name__)

LARGEST_OUTPUT = 200_000
"Bytes of a call's output that are kept."
_LIST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Servers:
    """What is sent to users' servers, and what may not be reached."""

    seal: Seal
    allowed: Sequence[Network]
    call_seconds: float
    fresh_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> Servers:
        """By the operator's settings."""
        return cls(
            Seal(load_secret(settings)),
            settings.tool_networks,
            settings.tool_call_seconds,
            settings.tool_list_seconds,
        )

    async def offers(self, url: str, headers: Mapping[str, str]) -> list[ToolOffer]:
        """What the server at this address offers now. Raises ServerFailed."""
        wire = await _wire()
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                return await wire.list_tools(url, headers, self.allowed)
        except TimeoutError:
            message = f"It did not list its tools within {_LIST_SECONDS:g} seconds."
            raise ServerFailed(message, is_final=False) from None

    def headers_of(self, server: ToolServerRow) -> dict[str, str]:
        """What is sent with each call. Raises ServerFailed."""
        if server.sealed_headers is None:
            return {}
        try:
            return self.seal.open(server.sealed_headers, server.id)
        except BrokenSeal:
            raise ServerFailed(
                "Its headers were sealed with another secret: register it again.", is_final=True
            ) from None

    def tools_of(self, server: ToolServerRow) -> list[ExternalTool]:
        """What the server said last that it offers, as tools."""
        return [self._tool(server, ToolOffer.of(kept)) for kept in server.tools or ()]

    def _tool(self, server: ToolServerRow, offer: ToolOffer) -> ExternalTool:
        async def call(made: Call) -> Any:
            return await self._call(server, offer.name, made)

        return ExternalTool(
            name=f"{server.name}.{offer.name}",
            description=offer.description,
            parameters=offer.parameters,
            effect=offer.effect,
            timeout_seconds=self.call_seconds,
            source=server.name,
            call=call,
        )

    async def _call(self, server: ToolServerRow, name: str, made: Call) -> Any:
        wire = await _wire()
        try:
            headers = self.headers_of(server)
            told = await wire.call_tool(
                server.url, headers, self.allowed, name, made.arguments, made.effect_key
            )
        except ServerFailed as problem:
            if problem.is_final:
                raise ToolFailed(problem.message) from problem
            raise Transient(problem.message) from problem
        return _bounded(told)


@dataclass(frozen=True, slots=True)
class WithServers(Tools):
    """Other tools, and those of the user's servers that an agent names."""

    db: Database
    servers: Servers
    others: Tools

    async def of(self, run: ExecutionRow, agent: AgentVersion) -> Toolbox:
        """Part of Tools. A server that does not answer offers what it did."""
        known = await self.others.of(run, agent)
        names = {name.partition(".")[0] for name in agent.tool_names or () if "." in name}
        if not names:
            return known
        offered = [
            tool
            for row in await self._rows(run.user_id, sorted(names))
            for tool in self.servers.tools_of(row)
            if tool.name in (agent.tool_names or ())
        ]
        return Toolbox.of([*known, *offered])

    async def _rows(self, user_id: UUID, names: list[str]) -> list[ToolServerRow]:
        found = await rows.tool_servers_named(
            self.db.reading(user_id), user_id, names, self.servers.fresh_seconds
        )
        stale = [row for row, is_stale in found if is_stale]
        if not stale:
            return [row for row, _ in found]
        await asyncio.gather(*map(self._renew, stale))
        return await rows.get_tool_servers(self.db.reading(user_id), user_id, [row.id for row, _ in found])

    async def _renew(self, row: ToolServerRow) -> None:
        try:
            offers = await self.servers.offers(row.url, self.servers.headers_of(row))
        except ServerFailed as problem:
            log.info("tool server %s keeps its list: %s", row.id, problem.message)
            return
        async with self.db.as_user(row.user_id) as session:
            await rows.renew_tools(session, row, [offer.as_json() for offer in offers])


def _bounded(told: Any) -> Any:
    """No more of an output than is kept."""
    size = len(orjson.dumps(told))
    if size <= LARGEST_OUTPUT:
        return told
    text = told if isinstance(told, str) else orjson.dumps(told).decode()
    return {"beginning": text[: LARGEST_OUTPUT // 4], "bytesInAll": size}


async def _wire() -> Any:
    """MCP's library, imported in a thread, so that leases are renewed meanwhile."""
    return await asyncio.to_thread(_import)


def _import() -> ModuleType:
    from engine.tools import mcp_wire

    return mcp_wire
