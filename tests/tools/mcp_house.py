"""An MCP server of tests, on a port of its own: its tools, and what it was asked."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from tests.models.server import _Quiet


@dataclass
class McpHouse:
    """Where it listens, and what came to it."""

    address: str = ""
    keys: list[str] = field(default_factory=list[str])
    "The effect keys of its calls."
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    redirect: str | None = None
    "Where every request is sent instead."
    fails: int = 0
    "How many of the next requests get a 503."

    @property
    def url(self) -> str:
        return f"{self.address}/mcp"

    def server(self) -> MCPServer[Any]:
        house = self
        mcp = MCPServer("tests", log_level="CRITICAL")

        @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
        def add(a: int, b: int) -> int:
            """Adds two numbers."""
            return a + b

        @mcp.tool(annotations=ToolAnnotations(idempotent_hint=True))
        def put(text: str, ctx: Context[Any, Any]) -> str:
            """Puts a text where it belongs."""
            meta: Any = ctx.request_context.meta
            house.keys.append(str((meta or {}).get("baton/effectKey")))
            return f"put {text}"

        @mcp.tool()
        def boom() -> str:
            """Fails."""
            raise ValueError("something broke")

        @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
        def flood(size: int) -> str:
            """Answers much."""
            return "x" * size

        return mcp

    def application(self) -> Any:
        security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        inner = self.server().streamable_http_app(
            stateless_http=True, json_response=True, transport_security=security
        )

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self.headers.append(dict(Request(scope).headers))
                if self.redirect is not None:
                    await RedirectResponse(self.redirect, 307)(scope, receive, send)
                    return
                if self.fails:
                    self.fails -= 1
                    await RedirectResponse("/", 503)(scope, receive, send)
                    return
            await inner(scope, receive, send)

        return application


@contextmanager
def mcp_house() -> Iterator[McpHouse]:
    """One that is listening."""
    house = McpHouse()
    server = _Quiet(uvicorn.Config(house.application(), port=0, log_level="critical", lifespan="on"))
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.005)
    house.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield house
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
