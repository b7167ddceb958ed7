"""What these tests stand on: connections that are killed, a witness, a proxy that goes silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
from broadcaster import Broadcast

from events.backend import PostgresBackend
from events.hub import Hub

PATIENCE = 20
"Seconds after which something that should have happened counts as not happening."

_KILL = """
    select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
    where datname = current_database() and application_name like $1
"""


@asynccontextmanager
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn)
    try:
        yield opened
    finally:
        opened.terminate()


async def kill(dsn: str, name: str) -> int:
    """End the connections of this name (`%` stands for anything); answers how many there were."""
    async with connection(dsn) as admin:
        return await admin.fetchval(_KILL, name)


class WatchedHub(Hub):
    """A hub whose health can be waited for."""

    _judged: asyncio.Event | None = None

    def _judge(self, came: bool) -> None:
        super()._judge(came)
        if self._judged is not None:
            self._judged.set()

    async def becomes(self, *, healthy: bool) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.healthy is not healthy:
                self._judged = asyncio.Event()
                await self._judged.wait()


@asynccontextmanager
async def healthy_hub(broadcast: Broadcast, **times: float) -> AsyncIterator[WatchedHub]:
    """A hub that has heard itself, and will wake nobody for that reason again."""
    hub = WatchedHub(broadcast, **times)
    await hub.start()
    try:
        await hub.becomes(healthy=True)
        yield hub
    finally:
        await hub.stop()


def postgres(dsn: str, **options: Any) -> Broadcast:
    return Broadcast(backend=PostgresBackend(dsn, **options))


class Witness:
    """Another process that listens: every payload in its order."""

    def __init__(self) -> None:
        self.payloads: list[str] = []
        self._changed = asyncio.Event()

    def take(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.payloads.append(str(payload))
        self._changed.set()

    async def until(self, word: str) -> list[str]:
        """What was heard up to the first payload that holds this word."""
        async with asyncio.timeout(PATIENCE):
            while not any(word in payload for payload in self.payloads):
                self._changed.clear()
                await self._changed.wait()
        return [payload for payload in self.payloads if "pulse" not in payload]


@asynccontextmanager
async def witness(dsn: str) -> AsyncIterator[Witness]:
    found = Witness()
    async with connection(dsn) as listening:
        await listening.add_listener("baton", found.take)
        yield found


class Proxy:
    """A TCP road to Postgres that can lose every byte without telling anyone, or be closed."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._server: asyncio.Server | None = None
        self._port = 0
        self._roads: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.mute = False
        "New connections are accepted, and hear nothing."

    @property
    def dsn(self) -> str:
        parts = urlsplit(self._dsn)
        person = f"{parts.username}:{parts.password or ''}@" if parts.username else ""
        return urlunsplit(parts._replace(netloc=f"{person}127.0.0.1:{self._port}", query=""))

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def go_silent(self) -> None:
        """Whoever is connected stays so, and hears nothing ever again. New connections are fine."""
        for road in self._roads:
            road.cancel()

    async def close(self) -> None:
        """Cut everybody, and refuse new ones."""
        assert self._server is not None
        self._server.close()
        self.go_silent()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        if self._roads:
            await asyncio.wait(self._roads)
        await self._server.wait_closed()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond, onward = await self._upstream()
        self._writers |= {writer, onward}
        if self.mute:
            return
        for road in (_carry(reader, onward), _carry(beyond, writer)):
            task = asyncio.create_task(road)
            self._roads.add(task)
            task.add_done_callback(self._roads.discard)

    async def _upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._dsn)
        query = parse_qs(parts.query)
        host = query.get("host", [parts.hostname or "127.0.0.1"])[0]
        port = int(query.get("port", [parts.port or 5432])[0])
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    target.close()


@asynccontextmanager
async def proxy(dsn: str) -> AsyncIterator[Proxy]:
    road = Proxy(dsn)
    await road.open()
    try:
        yield road
    finally:
        await road.close()
