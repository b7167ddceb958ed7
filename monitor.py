"""Where an operator's machines look: figures for Prometheus, and probes, on a port of their own."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db import queue
from errors import CannotListen, Unavailable
from resolvers.services import Services
from settings import Settings
from telemetry import metrics, tracing

_QUEUE_SECONDS = 3.0

log = logging.getLogger("baton.monitor")


class Monitor:
    """Listens on `settings.metrics_port`, if there is one. `look` sets what is read as it stands."""

    def __init__(
        self,
        settings: Settings,
        look: Callable[[], Awaitable[None]],
        ready: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self._host, self._port = settings.host, settings.metrics_port
        self._look, self._ready = look, ready
        self._listening: _Quiet | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises CannotListen."""
        if self._port is None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listening = socket.create_server((self._host, self._port), family=family)
        except OSError as error:
            raise CannotListen(f"BATON_METRICS_PORT {self._port}: {error}") from error
        log.info("figures and probes are on port %s", listening.getsockname()[1])
        self._listening = _Quiet(
            uvicorn.Config(
                self._application(),
                access_log=False,
                lifespan="off",
                log_config=None,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._task = asyncio.create_task(self._listening.serve([listening]), name="monitor")

    async def stop(self) -> None:
        """Answer nothing more."""
        if self._listening is not None and self._task is not None:
            self._listening.should_exit = True
            await asyncio.wait({self._task})

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/metrics", self._metrics),
                Route("/health", alive),
                Route("/health/live", alive),
                Route("/health/ready", self._is_ready),
            ]
        )

    async def _metrics(self, _: Request) -> Response:
        await self._look()
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _is_ready(self, _: Request) -> JSONResponse:
        return readiness(await self._ready())


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def readiness(found: list[str]) -> JSONResponse:
    """What a probe is told: 503 with what keeps the process from its work, or 200."""
    if found:
        return JSONResponse({"status": "unavailable", "reasons": found}, status_code=503)
    return JSONResponse({"status": "ready"})


async def alive(_: Request) -> JSONResponse:
    """What a probe is told of a process whose loop turns."""
    return JSONResponse({"status": "alive"})


@asynccontextmanager
async def traced(settings: Settings, service: str) -> AsyncGenerator[None, None]:
    """While the block runs, with traces where the settings say so; what waits to be sent goes at its end."""
    if not settings.tracing:
        yield
        return
    tracing.start(service)
    try:
        yield
    finally:
        await asyncio.to_thread(tracing.stop)


async def look_at(services: Services) -> None:
    """Take down how the pool, the hints and the queue stand; where the database is away, the queue is NaN."""
    metrics.pool_size.set(services.settings.pool_size)
    metrics.pool_in_use.set(services.db.in_use)
    metrics.hints_healthy.set(services.hub.healthy)
    runs, age = math.nan, math.nan
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(_QUEUE_SECONDS), services.db.as_system() as session:
            found = await queue.standing(session)
            runs, age = found.runs, found.age
    metrics.queue_runs.set(runs)
    metrics.queue_age.set(age)
