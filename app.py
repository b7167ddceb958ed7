"""The ASGI application: its routes, and what a server process opens and closes. `uvicorn app:app`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from auth import Principal
from db.home import database
from edge.core import inside
from edge.door import Door, RequestFacts
from edge.server import Edge
from engine.language import compile_all
from garbage import settle
from monitor import alive, look_at, readiness, traced
from redaction import learn, shield_logs
from resolvers.health import troubles
from resolvers.services import Services, open_services
from resolvers.users import identify
from schema.context import Context
from schema.root import schema
from schema.scopes import access_to
from settings import Settings
from telemetry import logs, metrics

if TYPE_CHECKING:
    from mcp_server.door import McpDoor

_WEB = Path(__file__).parent / "web"
_GRAPHIQL = _WEB / "graphiql" / "dist"
_CONSOLE = _WEB / "console" / "dist"


class Server:
    """One server process: the application, and the services that live as long as it runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.services: Services
        "There while it runs."
        self.failure: Exception | None = None
        "Why it could not start."
        page = (_GRAPHIQL / "index.html").read_bytes() if settings.graphiql else None
        door = Door(
            self._authenticate,
            self._context,
            access_to(inside(schema)),
            store=lambda: self.services.documents,
            purse=lambda: self.services.purse,
        )
        self._edge = Edge(schema, settings, door, page=page)
        self._mcp = self._mcp_door() if settings.mcp else None

    def application(self) -> Starlette:
        """The ASGI application."""
        middleware = self._middleware()
        short: dict[str, ASGIApp] = {"websocket": self._edge.socket}
        if not middleware:
            short["http"] = self._edge.http
        return _Application(short, routes=self._routes(), middleware=middleware, lifespan=self._lifespan)

    async def drain(self) -> None:
        """Send off open sockets and event streams, spread over `drain_seconds`; take no new ones."""
        await self._edge.drain(self._settings.drain_seconds)

    async def troubles(self) -> list[str]:
        """What keeps it from serving, in words."""
        return ["This server is going away."] if self._edge.draining else await troubles(self.services)

    async def look(self) -> None:
        """Take down for Prometheus how it stands."""
        metrics.sockets.set(self._edge.sockets)
        metrics.streams.set(self._edge.streams)
        await look_at(self.services)

    def _routes(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            Route("/graphql", self._edge.http),
            WebSocketRoute("/graphql", self._edge.socket),
            Route("/health", alive),
            Route("/health/live", alive),
            Route("/health/ready", self._ready),
        ]
        if self._mcp is not None:
            routes.append(Route("/mcp", self._mcp))
        if self._settings.graphiql:
            routes.append(Mount("/graphiql", GZipMiddleware(_Forever(directory=_GRAPHIQL))))
        if self._settings.console:
            routes.append(Mount("/console", GZipMiddleware(_Forever(directory=_CONSOLE))))
            routes.append(Route("/", _console))
        return routes

    def _middleware(self) -> list[Middleware]:
        origins = self._settings.allowed_origins
        if not origins:
            return []
        headers = ["authorization", "content-type", "idempotency-key", "x-request-id"]
        return [
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["GET", "POST"],
                allow_headers=headers,
                expose_headers=["x-request-id", "retry-after"],
                max_age=3_600,
            )
        ]

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        learn(self._settings.secrets())
        shield_logs()
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(traced(self._settings, "baton-server"))
            try:
                dsn = await opened.enter_async_context(database(self._settings))
                services = open_services(self._settings, dsn, "baton api")
                self.services = await opened.enter_async_context(services)
            except Exception as error:
                self.failure = error
                raise
            if self._mcp is not None:
                await opened.enter_async_context(self._mcp.running())
            compile_all()
            settle()
            yield
            await self.drain()

    def _mcp_door(self) -> McpDoor:
        """Its library takes half a second to import: who has no use for this door does not wait for it."""
        from mcp_server.door import McpDoor

        return McpDoor(self._edge.ask, self._authenticate, self._settings.allowed_origins)

    async def _authenticate(self, token: str | None) -> Principal | None:
        if token is None:
            return None
        return await identify(self.services.db, self.services.tokens, token)

    def _context(self, principal: Principal | None, facts: RequestFacts) -> Context:
        return Context(self.services, principal, facts.idempotency_key, facts.address, facts.more_time)

    async def _ready(self, _: Request) -> JSONResponse:
        return readiness(await self.troubles())


class _Application(Starlette):
    """Starlette, with short ways to the address that everybody asks, whose apps answer for themselves.

    A socket that waits keeps every coroutine on its way: those of the middlewares weigh some kB.
    """

    def __init__(self, graphql: dict[str, ASGIApp], **options: Any) -> None:
        super().__init__(**options)
        self._graphql = graphql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the base class does, but sooner."""
        short = self._graphql.get(scope["type"])
        if short is not None and scope["path"] == "/graphql":
            await short(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Forever(StaticFiles):
    """Files whose names change with their contents."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """As the base class answers, to be kept for ever."""
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


async def _console(_: Request) -> FileResponse:
    return FileResponse(_CONSOLE / "index.html", headers={"cache-control": "no-cache"})


def __getattr__(name: str) -> Starlette:
    """`app`, built when a server asks for it: importing this file reads no settings and opens nothing."""
    if name != "app":
        raise AttributeError(name)
    settings = Settings.load()
    logs.set_up(settings.log_format or "json", settings.log_level)
    return Server(settings).application()
