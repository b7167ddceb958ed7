"""Running servers and workers until a signal says to stop: then they drain; a second signal hurries them."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import uvicorn

from app import Server
from db.home import database
from edge.heads import BoundedHttp
from engine.language import compile_all
from engine.worker.crew import crew
from engine.worker.worker import Worker
from errors import CannotListen
from garbage import settle
from monitor import Monitor, look_at, traced
from redaction import learn
from resolvers.health import troubles
from resolvers.services import Services, open_services
from resolvers.users import ensure_user
from settings import Settings
from telemetry import logs, metrics

log = logging.getLogger("baton.launch")

DEVELOPER = "you@example.com"
"Who `baton dev` signs in."
_A_DAY = 86_400
FIRST_OPERATION = """\
mutation {
  startExecution(input: {
    input: "Add a high priority task to call the dentist by Friday, then show my tasks"
  }) {
    ... on StartExecutionSuccess { execution { id status } cursor }
  }
}"""
WELCOME = """\
Baton is ready.

  Console    {address}/#token={token}
  GraphiQL   {address}/graphql#token={token}
  API        {address}/graphql
  Token      {token}
             ({user}, for a day)

Try this first, then watch it with `executionStream`:

{operation}
"""


class ApiServer(uvicorn.Server):
    """Uvicorn, told to stop by us: its own way re-raises the signal, which would end a worker beside it."""

    def __init__(self, settings: Settings) -> None:
        self.application = Server(settings)
        self._dead_peer_seconds = settings.dead_peer_seconds
        self._monitor = Monitor(settings, self.application.look, self.application.troubles)
        super().__init__(
            uvicorn.Config(
                self.application.application(),
                host=settings.host,
                port=settings.port,
                http=BoundedHttp,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                ws_max_size=settings.max_message_bytes,
                ws_per_message_deflate=False,  # 40 kB for each connection, for frames of some 300 bytes
                timeout_graceful_shutdown=int(settings.drain_seconds) + 1,
                log_config=None,
                log_level="warning",  # each socket that opens is no news
            )
        )

        self.ready = asyncio.Event()
        "Set once it listens, or has failed to."
        self._draining: asyncio.Future[None] | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to `told_to_stop`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open what the application needs, then listen. Raises what it failed with, or CannotListen."""
        log = logging.getLogger("uvicorn.error")
        log.disabled = True  # what goes wrong is raised from here, where uvicorn would log it and exit
        try:
            await super().startup(sockets=sockets)
            for listening in [one for server in self.servers for one in server.sockets]:
                _notice_who_is_gone(listening, self._dead_peer_seconds)
            await self._monitor.start()
        except CannotListen:
            await super().shutdown(sockets=sockets)
            raise
        except SystemExit as end:
            raise self.application.failure or CannotListen(str(end.__context__)) from None
        finally:
            log.disabled = False
            self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send off sockets and event streams one by one; uvicorn alone would cut them all at once."""
        if not self.force_exit:
            self._draining = asyncio.ensure_future(self.application.drain())
            await asyncio.wait({self._draining})
        await super().shutdown(sockets=sockets)
        await self._monitor.stop()

    def stop(self) -> None:
        """Accept nothing more and go; said twice, go at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        if self.force_exit and self._draining is not None:
            self._draining.cancel()

    @property
    def address(self) -> str:
        """Where it listens, once it has started."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"


def _notice_who_is_gone(listening: socket.socket, seconds: int) -> None:
    """Have the kernel end connections whose peer takes or answers nothing any more; they inherit this.

    Uvicorn's pings cannot tell: they queue behind the data that such a client does not take.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        for option, value in (
            (socket.TCP_USER_TIMEOUT, seconds * 1_000),
            (socket.TCP_KEEPIDLE, seconds),
            (socket.TCP_KEEPINTVL, max(seconds // 4, 1)),
        ):
            listening.setsockopt(socket.IPPROTO_TCP, option, value)


async def serve(settings: Settings) -> None:
    """One API server."""
    _log(settings)
    server = ApiServer(settings)
    listening = asyncio.create_task(_say_where(server))
    try:
        with told_to_stop(server.stop):
            await server.serve()
    finally:
        await listening
    log.info("the server has gone")


async def work(settings: Settings) -> None:
    """One worker."""
    _log(settings)
    async with (
        traced(settings, "baton-worker"),
        database(settings) as dsn,
        open_services(settings, dsn, "baton worker") as services,
    ):
        compile_all()
        settle()
        worker = _worker(services)
        async with _watched(worker, services):
            working = asyncio.create_task(worker.work())
            with told_to_stop(working.cancel):
                log.info("the worker is here, with %s slots", settings.worker_slots)
                await asyncio.wait({working})
        _raise_of(working)
    log.info("the worker has gone")


class House:
    """A server and a worker in this process."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self.services = services
        self.server = ApiServer(settings)
        self._serving = asyncio.create_task(self.server.serve())
        self._working = asyncio.create_task(_worker(services).work())

    async def ended(self) -> None:
        """Once either has: then the other is told to stop. Raises what they failed with."""
        both = {self._serving, self._working}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not self.server.should_exit:
            self.stop()
        await asyncio.wait(both)
        _raise_of(*both)

    def stop(self) -> None:
        """Have both drain; said twice, go at once."""
        self.server.stop()
        self._working.cancel()

    def token(self, user: UUID) -> str:
        """A token of this user's, for a day."""
        return self.services.tokens.issue(user, seconds=_A_DAY)[0]


@asynccontextmanager
async def house(settings: Settings) -> AsyncGenerator[House, None]:
    """A server and a worker on a migrated database, being started; whoever opens it ends it."""
    async with (
        database(settings, migrated=True) as dsn,
        open_services(settings, dsn, "baton worker") as services,
    ):
        yield House(settings, services)


async def develop(settings: Settings) -> None:
    """A server and a worker, and a word of welcome once both are there."""
    async with house(settings) as opened:
        with told_to_stop(opened.stop):
            await opened.server.ready.wait()
            if opened.server.started:
                print(await _welcome(opened), flush=True)
            await opened.ended()


@asynccontextmanager
async def at_home(settings: Settings, email: str) -> AsyncGenerator[tuple[str, str], None]:
    """The address and a token of a house that lasts as long as the block: on loopback, any free port.

    What the block leaves undone is a row: the next worker on this database carries it on.
    """
    async with house(settings.model_copy(update={"host": "127.0.0.1", "port": 0})) as opened:
        await opened.server.ready.wait()
        try:
            if opened.server.started:
                user = await ensure_user(opened.services.db, email)
                yield opened.server.address, opened.token(user.id)
        finally:
            opened.stop()
            await opened.ended()


@contextmanager
def told_to_stop(stop: Callable[[], object]) -> Generator[None, None, None]:
    """Calls `stop` at each SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _log(settings: Settings) -> None:
    """A process that is started as a service is read by machines, unless somebody looks on."""
    learn(settings.secrets())
    form = settings.log_format or ("console" if sys.stderr.isatty() else "json")
    logs.set_up(form, settings.log_level)


async def _say_where(server: ApiServer) -> None:
    await server.ready.wait()
    if server.started and not server.should_exit:
        log.info("the server listens on %s", server.address)


@asynccontextmanager
async def _watched(worker: Worker, services: Services) -> AsyncGenerator[None, None]:
    """With the monitor of this worker, while the block runs."""

    async def look() -> None:
        metrics.worker_slots.set(services.settings.worker_slots)
        metrics.worker_runs.set(worker.count)
        await look_at(services)

    async def ready() -> list[str]:
        return ["This worker is going away."] if worker.draining else await troubles(services)

    monitor = Monitor(services.settings, look, ready)
    await monitor.start()
    try:
        yield
    finally:
        await monitor.stop()


def _worker(services: Services) -> Worker:
    return Worker(services.db, services.hub, services.settings, crew(services.db, services.settings))


def _raise_of(*tasks: asyncio.Task[None]) -> None:
    """What a finished task failed with; to be cancelled is no failure."""
    for task in tasks:
        if not task.cancelled():
            task.result()


async def _welcome(opened: House) -> str:
    user = await ensure_user(opened.services.db, DEVELOPER)
    address, token = opened.server.address, opened.token(user.id)
    return WELCOME.format(address=address, token=token, user=DEVELOPER, operation=FIRST_OPERATION)
