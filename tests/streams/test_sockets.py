"""Streams over real sockets of a real server: how many, for how long, and what is said at the end."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from auth import utc_now
from db.query import Query
from edge.plans.plan import Plan, Unfinished
from launch import ApiServer
from settings import Settings
from tests.api import Api, User
from tests.hostile.places import answers

pytestmark = pytest.mark.anyio

DAY = """
subscription ($after: String) { s: activityStream(after: $after) {
    __typename ... on Resumable { cursor } ... on EventBatch { events { seq } } ... on StreamClosed { reason }
} }"""
LIST = "{ tasks(first: 5) { nodes { number title } } }"
CONNECTIONS = Query(
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and application_name like 'baton api%'"
)
LARGE = json.dumps({"type": "ping", "payload": {"fill": "x" * 60_000}})


class Talk:
    """A client of the protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, type_: str, payload: object = None, **more: object) -> None:
        await self.connection.send(json.dumps({"type": type_, "payload": payload, **more}))

    async def hear(self) -> dict[str, Any]:
        """The next message that is no pong."""
        async with asyncio.timeout(20):
            while True:
                message = json.loads(await self.connection.recv())
                if message["type"] != "pong":
                    return message

    async def frame(self) -> dict[str, Any]:
        """The next frame of a stream that is no heartbeat."""
        while True:
            message = await self.hear()
            assert message["type"] == "next", message
            if message["payload"]["data"]["s"]["__typename"] != "Heartbeat":
                return message["payload"]["data"]["s"]

    async def init(self, token: str) -> None:
        await self.say("connection_init", {"authorization": f"Bearer {token}"})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id: str, after: str | None = None) -> None:
        await self.say("subscribe", {"query": DAY, "variables": {"after": after}}, id=id)

    async def code(self) -> int:
        """How the server closes, with nothing said before."""
        with pytest.raises(ConnectionClosed) as caught:
            await self.hear()
        assert caught.value.rcvd is not None, "cut without a word"
        return caught.value.rcvd.code

    async def fill(self) -> None:
        """Say more and more and never listen."""
        for _ in range(400):
            await self.connection.send(LARGE)


class Serving:
    """A server that listens, and what tests do with it."""

    def __init__(self, server: ApiServer, http: httpx2.AsyncClient) -> None:
        self.server = server
        self.api = Api(server.application.services, http)

    @asynccontextmanager
    async def talk(self) -> AsyncGenerator[Talk]:
        """A socket with little room for what its client does not read."""
        at = urlsplit(self.server.address)
        sock = socket.socket()
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, 8_192)
        await asyncio.to_thread(sock.connect, (at.hostname, at.port))
        ours = [Subprotocol("graphql-transport-ws")]
        async with connect(
            f"ws://{at.netloc}/graphql",
            sock=sock,
            subprotocols=ours,
            max_queue=1,
            ping_interval=None,
            close_timeout=0.1,
        ) as connection:
            assert connection.protocol.extensions == [], "compression was offered, and costs 40 kB"
            yield Talk(connection)


@asynccontextmanager
async def serving(settings: Settings, **changes: object) -> AsyncGenerator[Serving]:
    """A server of its own, on a port of its own."""
    server = ApiServer(settings.model_copy(update={"port": 0, **changes}))
    task = asyncio.create_task(server.serve())
    await server.ready.wait()
    try:
        async with httpx2.AsyncClient(base_url=server.address, trust_env=False) as http:
            yield Serving(server, http)
    finally:
        server.stop()
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.005)
            if condition():
                return


def token(serving: Serving, user: User, seconds: float = 60) -> str:
    """One that holds so much longer."""
    at = utc_now() - timedelta(seconds=60 - seconds)
    return serving.api.services.tokens.issue(user.id, at, seconds=60)[0]


async def test_one_socket_more_than_a_user_may_have_is_closed_with_1013(settings: Settings) -> None:
    """Others may still come, and so may the user once one of the sockets is closed."""
    async with serving(settings, max_sockets_per_user=1) as here:
        ada, bob = await here.api.user(), await here.api.user("bob@example.com")
        async with here.talk() as first, here.talk() as second, here.talk() as other:
            await first.init(token(here, ada))
            await second.say("connection_init", {"authorization": f"Bearer {token(here, ada)}"})
            assert await second.code() == 1013
            await other.init(token(here, bob))
        async with here.talk() as next_:
            await next_.init(token(here, ada))


async def test_one_stream_more_than_a_user_may_have_is_refused_and_the_socket_lives(
    settings: Settings,
) -> None:
    """Counted over all sockets; a stream that is completed makes room."""
    async with serving(settings, max_streams_per_user=2) as here:
        ada = await here.api.user()
        async with here.talk() as one, here.talk() as other:
            for talk in (one, other):
                await talk.init(token(here, ada))
                await talk.subscribe("1")
                assert (await talk.frame())["__typename"] == "StreamOpened"
            await other.subscribe("2")
            refused = await other.hear()
            assert (refused["type"], refused["id"]) == ("error", "2")
            assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
            assert refused["payload"][0]["extensions"]["retryAfterMs"] > 0
            await one.say("complete", id="1")
            await until(lambda: len(_followers(here)) == 1)
            await other.subscribe("2")
            assert (await other.frame())["__typename"] == "StreamOpened"


async def test_the_end_of_the_token_is_told_before_4403(settings: Settings) -> None:
    async with serving(settings) as here:
        ada = await here.api.user()
        async with here.talk() as talk:
            await talk.init(token(here, ada, seconds=1))
            await talk.subscribe("1")
            opened, closed = await talk.frame(), await talk.frame()
            assert (closed["__typename"], closed["reason"]) == ("StreamClosed", "AUTH_EXPIRED")
            assert closed["cursor"] == opened["cursor"]
            assert await talk.code() == 4403, "and no `complete`, which would be the end to the client"


async def test_a_server_that_goes_away_says_so_before_1012(settings: Settings) -> None:
    async with serving(settings) as here:
        ada = await here.api.user()
        async with here.talk() as talk:
            await talk.init(token(here, ada))
            await talk.subscribe("1")
            opened = await talk.frame()
            here.server.stop()
            closed = await talk.frame()
            assert (closed["__typename"], closed["reason"]) == ("StreamClosed", "SERVER_DRAINING")
            assert closed["cursor"] == opened["cursor"]
            assert await talk.code() == 1012


async def test_who_takes_too_long_is_told_so_and_goes_on_on_the_same_socket(settings: Settings) -> None:
    """Nothing is read for it meanwhile, and with the last cursor nothing is missed."""
    async with serving(settings, slow_consumer_seconds=0.3) as here:
        ada = await here.api.user()
        async with here.talk() as talk:
            await talk.init(token(here, ada))
            await talk.subscribe("1")
            await talk.frame()
            filling = asyncio.create_task(talk.fill())
            written = 0
            while _followers(here):
                await ada.create()
                written += 1
            frames = await _to_the_end(talk)
            filling.cancel()
            assert frames[-1]["reason"] == "SLOW_CONSUMER"
            assert (await talk.hear()) == {"id": "1", "type": "complete"}
            seen = _seqs(frames)
            await talk.subscribe("2", frames[-1]["cursor"])
            while len(seen) < written:
                seen += _seqs([await talk.frame()])
            assert seen == list(range(1, written + 1))


async def test_a_stream_that_waits_costs_no_task_and_no_connection(settings: Settings) -> None:
    async with serving(settings) as here:
        ada = await here.api.user()
        async with here.talk() as talk:
            await talk.init(token(here, ada))
            await talk.subscribe("first")
            await talk.frame()
            tasks = len(asyncio.all_tasks())
            for number in range(80):
                await talk.subscribe(str(number))
            assert [(await talk.frame())["__typename"] for _ in range(80)] == ["StreamOpened"] * 80
            assert len(_followers(here)) == 81
            await until(lambda: len(asyncio.all_tasks()) <= tasks)
            async with here.api.services.db.as_system() as session:
                (row,) = await session.all(CONNECTIONS)
            assert row["count"] <= settings.pool_size + 2


async def test_a_planned_query_has_the_same_answer_on_every_road(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[bool] = []
    carry_out: Any = Plan.carry_out

    async def noted(plan: Plan, *given: Any) -> Any:
        answer = await carry_out(plan, *given)
        planned.append(not isinstance(answer, Unfinished))
        return answer

    monkeypatch.setattr(Plan, "carry_out", noted)
    async with serving(settings) as here:
        ada = await here.api.user()
        await ada.create()
        told = [(await ada.post(LIST)).json() for _ in range(2)]
        told += answers(await ada.post(LIST, {"accept": "text/event-stream"}))
        async with here.talk() as talk:
            await talk.init(token(here, ada))
            await talk.say("subscribe", {"query": LIST}, id="1")
            told.append((await talk.hear())["payload"])
            assert await talk.hear() == {"id": "1", "type": "complete"}
    assert planned == [True] * 3
    for one in told:
        one["extensions"]["cost"].pop("budget", None)
    assert told == [told[0]] * 4


async def _to_the_end(talk: Talk) -> list[dict[str, Any]]:
    frames = [await talk.frame()]
    while frames[-1]["__typename"] != "StreamClosed":
        frames.append(await talk.frame())
    return frames


def _seqs(frames: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for frame in frames for event in frame.get("events", ())]


def _followers(here: Serving) -> list[object]:
    channels = here.api.services.feed._channels.values()
    return [follower for channel in channels for follower in channel.followers]


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is Linux's")
async def test_who_stops_reading_altogether_is_cut_off_and_leaves_nothing(settings: Settings) -> None:
    """Its kernel still answers, so only the time that our data is not taken tells. Its seat is free then."""
    async with serving(settings, dead_peer_seconds=1, max_sockets_per_user=1) as here:
        ada = await here.api.user()
        async with here.talk() as talk:
            await talk.init(token(here, ada))
            await talk.subscribe("1")
            await talk.frame()
            (accepted,) = [
                one for one in _accepted(here) if one.getpeername() == talk.connection.local_address
            ]
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1_000
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 1
            filling = asyncio.create_task(talk.fill())
            await until(lambda: not _followers(here))
            filling.cancel()
            async with here.talk() as next_:
                await next_.init(token(here, ada))


def _accepted(here: Serving) -> list[socket.socket]:
    open_: list[Any] = list(here.server.server_state.connections)
    return [one.transport.get_extra_info("socket") for one in open_]
