"""The door at `/mcp`: who calls is known before the SDK sees the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from auth import Principal
from edge.handshake import may_connect
from edge.headers import bearer
from errors import RequestError, Unauthenticated
from mcp_server.tools import PRINCIPAL, Ask, Tools

_INSTRUCTIONS = "The user's tasks, and durable runs of their agents. Times are RFC 3339 with an offset."


class McpDoor:
    """The ASGI app behind `/mcp`, for callers with a token; `running` surrounds its life."""

    def __init__(
        self,
        ask: Ask,
        authenticate: Callable[[str | None], Awaitable[Principal | None]],
        allowed_origins: list[str],
    ) -> None:
        server = MCPServer("baton", instructions=_INSTRUCTIONS, log_level="WARNING")
        Tools(ask).add_to(server)
        self._app: ASGIApp = server.streamable_http_app(
            stateless_http=True,
            json_response=True,
            # A page that rebinds a name to us has no token; which origins may call is checked below.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._server = server
        self._authenticate, self._allowed_origins = authenticate, allowed_origins

    def running(self) -> AbstractAsyncContextManager[None]:
        """Calls are answered inside of this block. It can be entered once."""
        return self._server.session_manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not may_connect(headers, self._allowed_origins):
            await JSONResponse({"error": "forbidden_origin"}, 403)(scope, receive, send)
            return
        try:
            principal = await self._authenticate(bearer(headers.get("authorization")))
            if principal is None:
                raise Unauthenticated
        except RequestError as error:
            await _refusal(error)(scope, receive, send)
            return
        await self._app({**scope, PRINCIPAL: principal}, receive, send)


def _refusal(error: RequestError) -> JSONResponse:
    headers = {"www-authenticate": 'Bearer error="invalid_token"'} if error.status == 401 else None
    return JSONResponse(
        {"error": error.code.lower(), "error_description": error.message}, error.status, headers
    )
