"""Conversations that stream at once through one server and two workers, and what Baton adds to a model call:
`python -m bench.chat`.

The model is `tests.models.server`, a process that speaks OpenAI's protocol: so many tokens at a stated rate.
Another one says a token at once, for the overhead. All of it shares the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import orjson
import uvloop

from auth import Tokens
from bench.figures import MILLI, machine, percentile, table, verdict
from bench.ground import backends, postgres
from bench.processes import Meter, running, served
from bench.sockets import Subscriber, subscribe
from db.connection import Database
from resolvers.users import ensure_user
from settings import Settings
from tests.client import Client
from tests.postgres import cluster
from tests.processes import SECRET, free_port, until

TARGET_MS = 20
_TALKER, _QUICK = "bench", "quick"
"The models: one speaks at its rate, the other says one token at once."
_TOKEN = "word"
"What each begins with."
_WARMING = 40
_IDLE = 0.1
"Of a core: less is no work."
_AGENT = """
mutation ($name: String!, $model: String!) {
  createAgent(input: {name: $name, model: $model, toolNames: []}) {
    ... on CreateAgentSuccess { agent { id } }
  }
}"""
_BEGIN = """
mutation ($agent: ID!) {
  createConversation(input: {agentId: $agent}) {
    ... on CreateConversationSuccess { conversation { id } }
  }
}"""
_SEND = """
mutation ($id: ID!, $wait: Int) {
  sendMessage(input: {conversationId: $id, content: "Go", waitMs: $wait}) {
    ... on SendMessageSuccess { reply { content } }
    ... on UserError { code message }
  }
}"""
_FOLLOW = """
subscription ($id: ID!, $after: String) {
  conversationStream(id: $id, after: $after) {
    __typename
    ... on EventBatch {
      events {
        __typename
        ... on MessageDelta { offset text }
        ... on MessageCompleted { message { role content } }
      }
    }
    ... on StreamClosed { reason }
  }
}"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each."""

    conversations: int = 200
    tokens: int = 100
    rate: float = 10
    "Tokens a second of each answer."
    calls: int = 200
    "One after another, for the overhead."


def words(count: int) -> str:
    """What the model says."""
    return " ".join(f"{_TOKEN}{n}" for n in range(count))


@dataclass(slots=True)
class Listener:
    """A page that shows one conversation."""

    told: str = ""
    answer: str | None = None
    is_open: bool = False
    ended: float = 0.0
    heard: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    "When, and how many tokens."
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, frame: bytes) -> None:
        """A frame of its socket."""
        message = orjson.loads(frame)
        if message["type"] == "error":
            raise AssertionError(frame)
        if message["type"] == "next":
            self.is_open = True
            for event in message["payload"]["data"]["conversationStream"].get("events", ()):
                self._take(event)
            self.changed.set()

    def _take(self, event: dict[str, Any]) -> None:
        if event["__typename"] == "MessageDelta":
            self.told = self.told[: event["offset"]] + event["text"]
            self.heard.append((time.perf_counter(), event["text"].count(_TOKEN)))
        elif event["__typename"] == "MessageCompleted" and event["message"]["role"] == "ASSISTANT":
            self.answer, self.ended = event["message"]["content"], time.perf_counter()

    async def until_open(self) -> None:
        """Wait for the first frame."""
        while not self.is_open:
            await self._change()

    async def until_answered(self) -> None:
        """Wait for the whole answer."""
        while self.answer is None:
            await self._change()

    async def _change(self) -> None:
        self.changed.clear()
        async with asyncio.timeout(300):
            await self.changed.wait()


@dataclass(frozen=True, slots=True)
class House:
    """What is measured, and who asks it."""

    dsn: str
    port: int
    token: str
    client: Client
    models: dict[str, str]
    "Addresses by name."
    parts: dict[str, list[int]]

    async def conversations(self, model: str, count: int) -> list[str]:
        """So many new ones, with an agent of their own."""
        made = await self.client.one(_AGENT, name=f"bench {uuid4().hex}", model=f"{model}:model")
        agent = made["agent"]["id"]
        return [(await self.client.one(_BEGIN, agent=agent))["conversation"]["id"] for _ in range(count)]


@asynccontextmanager
async def _house(dsn: str, size: Size) -> AsyncGenerator[House, None]:
    """Two models, a server, and two workers with a slot for each conversation."""
    models = {name: f"http://127.0.0.1:{free_port()}/v1" for name in (_TALKER, _QUICK)}
    many = "100000"
    env = {
        "DATABASE_URL": dsn,
        "BATON_JWT_SECRET": SECRET,
        "BATON_COST_PER_MINUTE": "2000000000",
        "BATON_MAX_SOCKETS_PER_USER": many,
        "BATON_MAX_STREAMS_PER_USER": many,
        "BATON_WORKER_SLOTS": "200",
        "BATON_PROVIDERS": orjson.dumps({name: {"url": url} for name, url in models.items()}).decode(),
    }
    async with AsyncExitStack() as stack:
        talker = stack.enter_context(_model(models[_TALKER], size.tokens, 1 / size.rate))
        stack.enter_context(_model(models[_QUICK], 1, 0))
        api = stack.enter_context(served("cli", "serve", env=env))
        workers = [stack.enter_context(running(sys.executable, "-m", "cli", "worker", env=env)) for _ in "12"]
        until(lambda: all(map(_answers, models.values())))
        token = await _token(dsn)
        http = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{api.port}", timeout=60)
        client = Client(await stack.enter_async_context(http), token)
        parts = {
            "server": [api.pid],
            "workers": [one.pid for one in workers],
            "model": [talker.pid],
            "load": [os.getpid()],
        }
        yield House(dsn, api.port, token, client, models, parts)


def _model(url: str, tokens: int, seconds: float) -> AbstractContextManager[subprocess.Popen[str]]:
    port = str(urlsplit(url).port)
    return running(sys.executable, "-m", "tests.models.server", port, str(tokens), str(seconds))


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2).status_code == 404
    except httpx2.HTTPError:
        return False


async def _token(dsn: str) -> str:
    db = Database(dsn, size=1, name="bench")
    await db.open()
    try:
        user = await ensure_user(db, "chat@example.com")
    finally:
        await db.close()
    return Tokens(Settings(), SECRET.encode()).issue(user.id, seconds=86_400)[0]


async def _warm(house: House) -> None:
    """Have both workers load the providers' library, and make their plans: once in their lives.

    One message at a time, so that neither takes them all.
    """
    await _until_idle(house.parts["workers"])
    asked: list[asyncio.Task[Any]] = []
    talks = [await house.conversations(model, _WARMING // 2) for model in house.models]
    for talk in chain(*talks):
        asked.append(asyncio.create_task(house.client.one(_SEND, id=talk, wait=30_000)))
        await asyncio.sleep(0.05)
    await asyncio.gather(*asked)


async def _until_idle(pids: Sequence[int]) -> None:
    seconds, used = 1.0, {"them": 1.0}
    while used["them"] > _IDLE * seconds:
        meter = Meter({"them": pids})
        await asyncio.sleep(1)
        seconds, used = meter.read()


async def _together(house: House, size: Size) -> list[str]:
    """All at once: each answer is whole and right, and how much later than the model said it."""
    talks = await house.conversations(_TALKER, size.conversations)
    listeners = [Listener() for _ in talks]
    sockets = [await _follow(house, *pair) for pair in zip(talks, listeners, strict=True)]
    await asyncio.gather(*(one.until_open() for one in listeners))
    meter = Meter({**house.parts, "Postgres": await backends(house.dsn)})
    began = time.perf_counter()
    await asyncio.gather(*(house.client.one(_SEND, id=talk, wait=0) for talk in talks))
    await asyncio.gather(*(one.until_answered() for one in listeners))
    seconds, used = meter.read()
    for socket in sockets:
        socket.transport.abort()
    right = sum(one.answer == one.told == words(size.tokens) for one in listeners)
    late = [one.ended - began - size.tokens / size.rate for one in listeners]
    total = size.conversations * size.tokens
    heads = [
        "",
        "tokens/s while all speak",
        "in all",
        "events",
        "later than the model p50 ms",
        "p99 ms",
        *used,
    ]
    row = [
        f"{size.conversations} conversations, {size.tokens} tokens at {size.rate:g}/s each",
        _while_all_speak(listeners),
        total / seconds,
        sum(len(one.heard) for one in listeners),
        percentile(late, 50) * MILLI,
        percentile(late, 99) * MILLI,
        *(f"{100 * part / seconds:.0f} %" for part in used.values()),
    ]
    return [table(heads, [row]), "", f"{right} of {size.conversations} answers right, streamed and whole"]


def _while_all_speak(listeners: Sequence[Listener]) -> float:
    """Tokens a second from the last one's first to the first one's last; NaN where there is no such time."""
    began = max(one.heard[0][0] for one in listeners)
    ended = min(one.heard[-1][0] for one in listeners)
    told = sum(count for one in listeners for at, count in one.heard if began < at <= ended)
    return told / (ended - began) if ended > began else math.nan


async def _follow(house: House, talk: str, listener: Listener) -> Subscriber:
    payload = {"query": _FOLLOW, "variables": {"id": talk}}
    return await subscribe(house.port, house.token, payload, listener.hear)


async def _overhead(house: House, size: Size) -> list[str]:
    """By turns, one after another: a whole exchange by the API, and the same request to the model alone."""
    body = {"model": "model", "stream": True, "messages": [{"role": "user", "content": "Go"}]}
    whole: list[float] = []
    alone: list[float] = []
    async with httpx2.AsyncClient(timeout=60) as http:
        for talk in await house.conversations(_QUICK, size.calls):
            began = time.perf_counter()
            done = await house.client.one(_SEND, id=talk, wait=30_000)
            whole.append(time.perf_counter() - began)
            assert done["reply"] is not None, done
            began = time.perf_counter()
            (await http.post(f"{house.models[_QUICK]}/chat/completions", json=body)).raise_for_status()
            alone.append(time.perf_counter() - began)
    exchange, model = median(whole) * MILLI, median(alone) * MILLI
    return [
        f"sendMessage to its reply: p50 {exchange:.1f} ms; the model alone: {model:.1f} ms",
        verdict("Baton's part of a model call, p50", exchange - model, TARGET_MS, "ms"),
    ]


async def measure(dsn: str, size: Size) -> str:
    """What is printed. The database is there, migrated, and nobody else's."""
    async with _house(dsn, size) as house:
        await _warm(house)
        told = [*await _together(house, size), *await _overhead(house, size)]
    return "\n".join([f"{machine()}; {await postgres(dsn)}\n", *told])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    size = _size(arguments)
    with cluster() as server, server.database() as dsn:
        print(uvloop.run(measure(dsn, size)))


def _size(arguments: Sequence[str] | None) -> Size:
    plain = Size()
    parser = argparse.ArgumentParser(prog="python -m bench.chat", description=__doc__)
    parser.add_argument("--conversations", type=int, default=plain.conversations)
    parser.add_argument("--tokens", type=int, default=plain.tokens, help="of each answer")
    parser.add_argument("--rate", type=float, default=plain.rate, help="tokens a second of each answer")
    parser.add_argument("--calls", type=int, default=plain.calls, help="one after another, for the overhead")
    given = parser.parse_args(arguments)
    return Size(given.conversations, given.tokens, given.rate, given.calls)


if __name__ == "__main__":
    main()
