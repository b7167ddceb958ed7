"""What is said to MCP servers, and what they say, in the words of MCP's own library.

The only file that knows the library's client. Importing it takes a while, so `engine.tools.servers` does that
when the first server is asked.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from mcp_types import Tool as ToolOfServer

from engine.tools.guard import GuardedTransport, Refused, TooLarge
from engine.tools.offers import ServerFailed, ToolOffer
from engine.tools.tool import Effect
from settings import Network

log = logging.getLogger(__name__)

EFFECT_KEY = "baton/effectKey"
"In `_meta` of a call: the same in every attempt of it."

_CONNECT_SECONDS = 10.0
_MOST_PAGES = 20


async def list_tools(url: str, headers: Mapping[str, str], allowed: Sequence[Network]) -> list[ToolOffer]:
    """Every tool that the server offers. Raises ServerFailed."""
    async with _client(url, headers, allowed) as client:
        found: list[ToolOfServer] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if cursor is None:
                break
        return [_offer(tool) for tool in found]
    raise AssertionError  # the client lets nothing out that ends the block early


async def call_tool(
    url: str,
    headers: Mapping[str, str],
    allowed: Sequence[Network],
    name: str,
    arguments: Mapping[str, Any],
    effect_key: str,
) -> Any:
    """What the tool answers, as JSON. Raises ServerFailed, also where the tool says that it failed."""
    async with _client(url, headers, allowed) as client:
        answer = await client.call_tool(name, dict(arguments), meta={EFFECT_KEY: effect_key})
    told = _told(answer)
    if answer.is_error:
        raise ServerFailed(told if isinstance(told, str) else "The tool failed.", is_final=True)
    return told


@asynccontextmanager
async def _client(
    url: str, headers: Mapping[str, str], allowed: Sequence[Network]
) -> AsyncGenerator[Client, None]:
    """A conversation with the server. Whatever goes wrong in it is told as ServerFailed."""
    timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS)
    try:
        async with (
            httpx2.AsyncClient(
                transport=GuardedTransport(allowed), headers=dict(headers), timeout=timeout, trust_env=False
            ) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            yield client
    except Exception as error:
        raise _failure(error) from error


def _failure(error: Exception) -> ServerFailed:
    """An error in our words: what a stranger's server says may quote anything."""
    causes = list(_causes(error))
    log.info("a tool server failed: %s", ", ".join(type(one).__name__ for one in causes))
    for one in causes:
        match one:
            case ServerFailed():
                return one
            case Refused():
                return ServerFailed("Its address lies in a network that is not allowed here.", is_final=True)
            case TooLarge():
                return ServerFailed("It answered more than we read.", is_final=True)
            case httpx2.HTTPStatusError():
                status = one.response.status_code
                return ServerFailed(
                    f"It answered with HTTP {status}.", is_final=status < 500 and status != 429
                )
            case httpx2.TransportError():
                return ServerFailed("It cannot be reached.", is_final=False)
            case MCPError():
                return ServerFailed(f"It refused the request: {one.error.message[:500]}", is_final=True)
            case _:
                pass
    return ServerFailed("It does not speak MCP as we do.", is_final=True)


def _causes(error: BaseException) -> list[BaseException]:
    """The error, what it holds and what it came from, the innermost last."""
    inner: list[BaseException] = list(getattr(error, "exceptions", ()))
    inner += [one for one in (error.__cause__, error.__context__) if one is not None]
    found = [error]
    for one in inner:
        found += [deeper for deeper in _causes(one) if deeper not in found]
    return found


def _offer(tool: ToolOfServer) -> ToolOffer:
    hints = tool.annotations
    effect = Effect.NON_IDEMPOTENT
    if hints is not None and hints.read_only_hint:
        effect = Effect.READ
    elif hints is not None and hints.idempotent_hint:
        effect = Effect.IDEMPOTENT_WRITE
    return ToolOffer(tool.name, (tool.description or "")[:4_000], dict(tool.input_schema), effect)


def _told(answer: CallToolResult) -> Any:
    if answer.structured_content is not None:
        return answer.structured_content
    texts = [part.text for part in answer.content if isinstance(part, TextContent)]
    left_out = len(answer.content) - len(texts)
    if left_out:
        texts.append(f"[{left_out} parts that are no text are left out]")
    return "\n".join(texts)
