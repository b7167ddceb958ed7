"""A small API of the tests' own, behind a real server, and what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.scalars import JSON

import errors
from auth import Principal
from edge.door import Door, RequestFacts
from edge.heads import BoundedHttp
from edge.server import Edge
from settings import Settings

USER = uuid.UUID(int=7)
LIMITS = Settings(
    operation_timeout_seconds=0.3,
    connection_init_seconds=0.3,
    heartbeat_seconds=0.1,
    max_body_bytes=20_000,
    max_message_bytes=10_000,
    max_tokens=400,
    max_depth=5,
    max_aliases=5,
    allowed_origins=["https://app.example"],
)


@dataclass
class Notes:
    """What resolvers did, told across threads."""

    seen: queue.Queue[str] = field(default_factory=queue.Queue)
    gate: threading.Event = field(default_factory=threading.Event)

    def expect(self, what: str) -> None:
        """Wait until a resolver says so; other news is passed over."""
        while self.seen.get(timeout=5) != what:
            pass

    def drain_until_silent(self) -> None:
        """Wait until resolvers make no progress any more."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.seen.get(timeout=0.4)


@dataclass
class Context:
    principal: Principal | None
    facts: RequestFacts
    notes: Notes


Info = strawberry.Info[Context, None]


@strawberry.type
class Person:
    name: str

    @strawberry.field
    def friend(self) -> Person:
        return Person(name=self.name + "'s friend")


@strawberry.type
class Frame:
    cursor: str
    number: int
    text: str = ""

    @strawberry.field
    def fails(self) -> str:
        raise ValueError("inside a frame")


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    def user(self, info: Info) -> str | None:
        return None if info.context.principal is None else str(info.context.principal.user_id)

    @strawberry.field
    def request_id(self, info: Info) -> str:
        return info.context.facts.request_id

    @strawberry.field
    def person(self) -> Person:
        return Person(name="Ada")

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(30)
        return "late"

    @strawberry.field
    async def patient(self, info: Info, seconds: float) -> str:
        info.context.facts.more_time(seconds)
        await asyncio.sleep(0.5)
        return "in time"

    @strawberry.field
    def fails(self) -> str | None:
        raise ValueError("the password is hunter2\nBearer eyJhbGciOi.eyJzdWIi.c2ln \x1b[31m" + "x" * 5_000)

    @strawberry.field
    def nothing(self) -> str:
        return None  # type: ignore

    @strawberry.field
    def huge(self) -> int:
        return 2**40

    @strawberry.field
    def no_numbers(self) -> list[int | None]:
        return ["x"] * 100  # type: ignore

    @strawberry.field
    def surrogate(self) -> str | None:
        return "\ud800"

    @strawberry.field
    def bad_cursor(self) -> str | None:
        raise errors.InvalidCursor

    @strawberry.field
    def missing(self) -> str | None:
        raise errors.NotFound

    @strawberry.field
    def outage(self) -> str | None:
        raise errors.Unavailable


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self, info: Info) -> str | None:
        return info.context.facts.idempotency_key

    @strawberry.mutation
    async def record(self, info: Info) -> bool:
        """Says that it began, waits for the gate, says that it is done."""
        info.context.notes.seen.put("recording")
        info.context.facts.more_time(10)
        await asyncio.to_thread(info.context.notes.gate.wait, 5)
        info.context.notes.seen.put("recorded")
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info, to: int = 3, after: str | None = None) -> AsyncGenerator[Frame, None]:
        start = 0 if after is None else int(after) + 1
        for number in range(start, to):
            yield Frame(cursor=str(number), number=number)

    @strawberry.subscription
    async def flood(self, info: Info, size: int = 0) -> AsyncGenerator[Frame, None]:
        """Frames without end; says each, and when it was closed, after a clean-up that waits."""
        number = 0
        try:
            while True:
                yield Frame(cursor=str(number), number=number, text="x" * size)
                info.context.notes.seen.put("sent")
                number += 1
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            info.context.notes.seen.put("closed")

    @strawberry.subscription
    async def silence(self, info: Info) -> AsyncGenerator[Frame, None]:
        """One frame, and then nothing."""
        try:
            yield Frame(cursor="0\n", number=0)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            info.context.notes.seen.put("closed")

    @strawberry.subscription
    async def lingers(self, info: Info) -> AsyncGenerator[Frame, None]:
        """One frame; its clean-up waits for the gate."""
        try:
            yield Frame(cursor="0", number=0)
            await asyncio.Event().wait()
        finally:
            info.context.notes.seen.put("cleaning")
            await asyncio.to_thread(info.context.notes.gate.wait, 5)
            info.context.notes.seen.put("closed")

    @strawberry.subscription
    async def breaks(self, how: str) -> AsyncGenerator[Frame, None]:
        if how != "at once":
            yield Frame(cursor="0", number=0)
        if how == "known":
            raise errors.FutureCursor
        raise ValueError("a secret of the source")


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)


async def authenticate(token: str | None) -> Principal | None:
    now = datetime.now(UTC)
    match token:
        case None:
            return None
        case "good":
            return Principal(USER, now + timedelta(hours=1))
        case "brief":
            return Principal(USER, now + timedelta(seconds=0.2))
        case "outage":
            raise errors.Unavailable
        case "bug":
            raise RuntimeError("a bug in authentication")
        case _:
            raise errors.Unauthenticated


class Quick(BoundedHttp):
    """Does not wait long for a head."""

    head_seconds = 0.3


def make_edge(notes: Notes, settings: Settings = LIMITS) -> Edge[Context]:
    door = Door(authenticate, lambda principal, facts: Context(principal, facts, notes))
    return Edge(SCHEMA, settings, door, page=b"<!doctype html><title>page</title>", body_seconds=0.5)


@dataclass
class Server:
    """An edge behind uvicorn, in a thread of its own."""

    port: int
    notes: Notes
    edge: Edge[Context]
    loop: asyncio.AbstractEventLoop

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def drain(self, seconds: float) -> None:
        asyncio.run_coroutine_threadsafe(self.edge.drain(seconds), self.loop).result(timeout=10)


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    notes = Notes()
    edge = make_edge(notes)
    loops: list[asyncio.AbstractEventLoop] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        loops.append(asyncio.get_running_loop())
        yield

    routes = [Route("/graphql", edge.http), WebSocketRoute("/graphql", edge.socket)]
    app = Starlette(routes=routes, lifespan=lifespan)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, http=Quick, log_level="critical", timeout_graceful_shutdown=5, lifespan="on"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Server(listener.getsockname()[1], notes, edge, loops[0])
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()
