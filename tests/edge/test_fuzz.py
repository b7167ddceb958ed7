"""Whatever is sent, nothing breaks: no answer of 500 or more, no abnormal close, the next one is served."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from tests.edge.noise import INIT, Noise, noise
from tests.edge.talk import connect, raw, read_all
from tests.edge.world import Context, Edge, Notes, Server, make_edge

CODES = {1009, 1012, 1013, 4400, 4401, 4403, 4408, 4409, 4429}


bodies, urls, headers, talks = noise(Noise.body), noise(Noise.url), noise(Noise.headers), noise(Noise.talk)

UNUSUAL = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
many = settings(max_examples=4_050, deadline=None, suppress_health_check=UNUSUAL, database=None)
often = settings(max_examples=1_000, deadline=None, suppress_health_check=UNUSUAL, database=None)
some = settings(max_examples=300, deadline=None, suppress_health_check=UNUSUAL, database=None)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def edge() -> Edge[Context]:
    notes = Notes()
    notes.gate.set()
    return make_edge(notes)


class Ear:
    """The server's side of ASGI: says what it was given to say, and hears all."""

    def __init__(self, *said: dict[str, Any]) -> None:
        self._said = iter(said)
        self.heard: list[Message] = []
        self._enough = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        message = next(self._said, None)
        for _ in range(5):
            await asyncio.sleep(0)  # what was said before gets a little way
        if message is not None:
            return message
        await self._enough.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """A stream without end is left after a few events."""
        self.heard.append(message)
        if len(self.heard) > 20:
            self._enough.set()
        await asyncio.sleep(0)


async def exchange(
    edge: Edge[Context], method: str, body: bytes, query: bytes, headers: dict[str, str]
) -> Ear:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "query_string": query, "headers": raw, "path": "/graphql"}
    ear = Ear({"type": "http.request", "body": body, "more_body": False})
    async with asyncio.timeout(5):
        await edge.http(scope, ear.receive, ear.send)
    return ear


def check_response(ear: Ear) -> None:
    start, *pieces = ear.heard
    assert start["type"] == "http.response.start"
    assert start["status"] < 500
    kind = dict(start["headers"])[b"content-type"]
    whole = b"".join(piece["body"] for piece in pieces)
    if b"json" in kind:
        answer = json.loads(whole)
        assert all("code" in error["extensions"] for error in answer.get("errors", []))
        assert "INTERNAL" not in {error["extensions"]["code"] for error in answer.get("errors", [])}


@many
@given(body=bodies, headers=headers)
def test_no_body_breaks_it(
    runner: asyncio.Runner, edge: Edge[Context], body: bytes, headers: dict[str, str]
) -> None:
    check_response(runner.run(exchange(edge, "POST", body, b"", headers)))


@often
@given(query=urls, headers=headers)
def test_no_url_breaks_it(
    runner: asyncio.Runner, edge: Edge[Context], query: bytes, headers: dict[str, str]
) -> None:
    check_response(runner.run(exchange(edge, "GET", b"", query, headers)))


async def conversation(edge: Edge[Context], said: list[str | bytes]) -> Ear:
    received = [
        {"type": "websocket.receive", "text" if isinstance(frame, str) else "bytes": frame} for frame in said
    ]
    end = {"type": "websocket.disconnect", "code": 1000}
    ear = Ear({"type": "websocket.connect"}, *received, end)
    scope = {"type": "websocket", "subprotocols": ["graphql-transport-ws"], "headers": [], "path": "/graphql"}
    async with asyncio.timeout(5):
        await edge.socket(scope, ear.receive, ear.send)
    return ear


@many
@given(talk=talks)
def test_no_frame_breaks_it(
    runner: asyncio.Runner, edge: Edge[Context], talk: tuple[str, list[str | bytes]]
) -> None:
    ear = runner.run(conversation(edge, [talk[0], *talk[1]]))
    accept, *rest = ear.heard
    assert accept["type"] == "websocket.accept"
    for message in rest:
        if message["type"] == "websocket.send":
            assert json.loads(message["text"])["type"] in {
                "connection_ack",
                "pong",
                "next",
                "error",
                "complete",
            }
        else:
            assert message is rest[-1]
            assert message["code"] in CODES
            assert len(message["reason"].encode()) <= 123


@some
@given(body=bodies)
def test_a_real_server_bears_it_and_goes_on(http: httpx2.Client, body: bytes) -> None:
    response = http.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code < 500
    assert http.post("/graphql", json={"query": "{ hello }"}).json() == {"data": {"hello": "Hello, you!"}}


@some
@given(talk=talks)
def test_a_real_socket_is_closed_with_a_code_of_the_protocol(
    running: Server, talk: tuple[str, list[str | bytes]]
) -> None:
    with connect(running, close_timeout=5) as client:
        client.connection.send(talk[0])
        for frame in talk[1]:
            client.send_while_open(frame)
        client.send_while_open("the end")  # no message: the server has to close, if it has not yet
        assert client.closed()[0] in CODES


PIECES = [
    *(b"GET", b"POST", b" ", b"/graphql", b"/", b" HTTP/1.1", b"\r\n", b"\n", b"\0", b"\xff", b": ", b"{}"),
    *(b"Host: x", b"Content-Length: 5", b"Content-Length: -1", b"Transfer-Encoding: chunked", b"5\r\nhello"),
    *(b"Upgrade: websocket", b"Connection: upgrade", b"Sec-WebSocket-Key: x", b"Expect: 100-continue"),
]
HEADS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=14).map(b"".join)


@some
@given(head=HEADS)
def test_no_head_breaks_it(server: Server, http: httpx2.Client, head: bytes) -> None:
    """Whatever comes over the wire: an answer below 500, or the end; and the next one is served."""
    with raw(server, head + b"\r\n\r\n") as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert http.post("/graphql", json={"query": "{ hello }"}).status_code == 200


def test_what_was_sent_is_not_kept(runner: asyncio.Runner, edge: Edge[Context]) -> None:
    """After thousands of different bodies, documents and sockets, memory stays where it was."""

    async def send(numbers: range) -> None:
        for number in numbers:
            for query in (f"{{ hello a{number}: hello }}", f"{{ nobody{number} }}", "{" * (number % 50)):
                body = json.dumps({"query": query, "variables": {"a": "x" * 500}}).encode()
                await exchange(edge, "POST", body, b"", {"content-type": "application/json"})
            await conversation(edge, [INIT, "{" + str(number)])

    runner.run(send(range(300)))  # what is kept within bounds is there now
    gc.collect()
    before = sys.getallocatedblocks()
    runner.run(send(range(300, 600)))
    gc.collect()
    assert sys.getallocatedblocks() < 1.05 * before
