"""The floor under streams: a Starlette socket, the same hints, the same batched read, orjson for each one.

No GraphQL, no token, no check, no replay, no limit to what waits: what is left is a socket, JSON and the
database. Run by `uvicorn bench.stream_floor:app`, with `DATABASE_URL`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from db.connection import Database
from db.events import FoundRow, read_many
from events.cursor import Cursor
from events.hub import Hub, open_hub
from ids import Kind, decode
from settings import Settings

Hear = Callable[[FoundRow], None]


class Floor:
    """Who listens to which run, and the one reader for all of them."""

    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None
        self._dsn = settings.database_url
        self._db = Database(self._dsn, size=settings.pool_size, name="bench floor")
        self._ears: dict[UUID, list[Hear]] = {}
        self._places: dict[UUID, tuple[UUID, int]] = {}
        self._news: set[UUID] = set()
        self._woken = asyncio.Event()

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[WebSocketRoute("/graphql", self._socket)], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        await self._db.open()
        async with open_hub(self._dsn, "bench floor") as hub:
            self._lend(hub)
            reading = asyncio.create_task(self._read_on())
            yield
            reading.cancel()
        await self._db.close()

    def _lend(self, hub: Hub) -> None:
        hub.lend(self)

    def hear(self, hints: Mapping[str, int]) -> None:
        """Part of Ear."""
        for topic in hints:
            stream = _stream(topic)
            if stream is not None and stream in self._ears:
                self._news.add(stream)
        self._woken.set()

    def hear_all(self) -> None:
        """Part of Ear."""
        self._news |= set(self._ears)
        self._woken.set()

    async def _read_on(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            streams, self._news = list(self._news), set()
            if streams:
                await self._read(streams)

    async def _read(self, streams: list[UUID]) -> None:
        users, afters = zip(*(self._places[stream] for stream in streams), strict=True)
        async with self._db.as_system() as session:
            rows = await read_many(session, streams, users, afters, 200)
        for row in rows:
            stream = streams[row.place - 1]
            self._places[stream] = (self._places[stream][0], row.seq)
            for hear in self._ears.get(stream, ()):
                hear(row)

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="graphql-transport-ws")
        waiting: asyncio.Queue[str] = asyncio.Queue()
        pump = asyncio.create_task(_pump(socket, waiting))
        try:
            await self._talk(socket, waiting)
        except WebSocketDisconnect:
            pump.cancel()

    async def _talk(self, socket: WebSocket, waiting: asyncio.Queue[str]) -> None:
        while True:
            message: Any = orjson.loads(await socket.receive_text())
            if message["type"] == "connection_init":
                await socket.send_text('{"type":"connection_ack"}')
            else:
                await self._subscribe(message["id"], message["payload"]["variables"], waiting)

    async def _subscribe(self, id: str, variables: dict[str, str], waiting: asyncio.Queue[str]) -> None:
        stream, user = decode(Kind.EXECUTION, variables["id"]), UUID(variables["user"])
        self._places.setdefault(stream, (user, 0))

        def hear(row: FoundRow) -> None:
            waiting.put_nowait(_message(id, stream, row))

        self._ears.setdefault(stream, []).append(hear)
        waiting.put_nowait(orjson.dumps({"id": id, "type": "next", "payload": {"opened": True}}).decode())


async def _pump(socket: WebSocket, waiting: asyncio.Queue[str]) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.send_text(await waiting.get())


def _stream(topic: str) -> UUID | None:
    with suppress(ValueError):
        return UUID(topic)
    return None


def _message(id: str, stream: UUID, row: FoundRow) -> str:
    """What the API sends for one event of `bench.audience.DOCUMENT`."""
    step = row.payload["step"]
    event = {
        "__typename": row.kind,
        "seq": row.seq,
        "step": {
            "number": step["number"],
            "status": step["status"],
            "toolName": step["tool_name"],
            "text": step["text"],
        },
    }
    cursor = Cursor(stream, row.seq, row.epoch).encode()
    before = Cursor(stream, row.seq - 1, row.epoch).encode()
    frame = {"__typename": "EventBatch", "cursor": cursor, "continuesFrom": before, "events": [event]}
    payload = {"data": {"executionStream": frame}, "extensions": {"cursor": cursor}}
    return orjson.dumps({"id": id, "type": "next", "payload": payload}).decode()


def __getattr__(name: str) -> Starlette:
    if name != "app":
        raise AttributeError(name)
    return Floor(Settings.load()).application()
