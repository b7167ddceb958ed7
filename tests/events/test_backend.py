"""The backend's connections are lost in every way, and come back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from broadcaster import Event

from errors import Unavailable
from events.backend import PostgresBackend
from events.hints import GAP
from tests.events.parts import PATIENCE, connection, kill, postgres, proxy

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def backend(dsn: str, **options: Any) -> AsyncIterator[PostgresBackend]:
    opened = PostgresBackend(dsn, **options)
    await opened.connect()
    await opened.subscribe("c")
    yield opened
    await opened.disconnect()


async def _next(opened: PostgresBackend) -> Event:
    async with asyncio.timeout(PATIENCE):
        return await opened.next_published()


async def test_a_hundred_concurrent_publishes_all_arrive(dsn: str) -> None:
    async with backend(dsn) as here, backend(dsn) as there:
        await asyncio.gather(*(there.publish("c", str(n)) for n in range(100)))
        arrived = [await _next(here) for _ in range(100)]
        assert {event.message for event in arrived} == {str(n) for n in range(100)}


async def test_concurrent_first_subscribers_all_hear(dsn: str) -> None:
    """The stock backend fails nine of ten with an error, or lets them overwrite each other."""
    async with postgres(dsn) as broadcast:

        async def hear() -> str:
            async with broadcast.subscribe("c") as messages:
                ready.release()
                return (await messages.get()).message

        ready = asyncio.Semaphore(0)
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            listeners = [group.create_task(hear()) for _ in range(10)]
            for _ in listeners:
                await ready.acquire()
            await broadcast.publish("c", "hello")
        assert [listener.result() for listener in listeners] == ["hello"] * 10


async def test_channels_do_not_hear_each_other(dsn: str) -> None:
    async with backend(dsn) as opened:
        await opened.publish("other", "not for us")
        await opened.publish("c", "two\nlines")
        assert await _next(opened) == Event("c", "two\nlines")


async def test_a_channel_that_was_left_is_not_heard(dsn: str) -> None:
    async with backend(dsn) as opened:
        await opened.subscribe("d")
        await opened.unsubscribe("d")
        await opened.publish("d", "gone")
        await opened.publish("c", "here")
        assert await _next(opened) == Event("c", "here")


async def test_a_killed_listening_connection_comes_back_and_says_that_there_was_a_gap(dsn: str) -> None:
    async with backend(dsn) as opened:
        for _ in range(3):
            assert await kill(dsn, "baton listen") == 1
            assert await _next(opened) == Event("c", GAP)
        await opened.publish("c", "on we go")
        assert await _next(opened) == Event("c", "on we go")


async def test_a_killed_publishing_connection_fails_once_and_is_replaced(dsn: str) -> None:
    async with backend(dsn) as opened:
        assert await kill(dsn, "baton notify") == 1
        try:
            await opened.publish("c", "lost or not")
        except Unavailable:
            await opened.publish("c", "again")
        assert (await _next(opened)).message in {"lost or not", "again"}


async def test_a_half_open_listening_connection_is_found(dsn: str) -> None:
    """No FIN, no RST, no byte: only a probe that has a deadline can tell."""
    async with proxy(dsn) as road, backend(road.dsn, probe_seconds=0.05, deadline_seconds=0.3) as opened:
        road.go_silent()
        assert await _next(opened) == Event("c", GAP)


async def test_a_half_open_publishing_connection_is_found(dsn: str) -> None:
    async with proxy(dsn) as road, backend(road.dsn, deadline_seconds=0.3) as opened:
        road.go_silent()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Unavailable):
                await opened.publish("c", "into the void")
            await opened.publish("c", "on a new one")


async def test_an_outage_is_waited_for(dsn: str) -> None:
    async with proxy(dsn) as road, backend(road.dsn) as opened:
        await road.close()
        with pytest.raises(Unavailable):
            await opened.publish("c", "nobody there")
        await road.open()
        assert await _next(opened) == Event("c", GAP)
        await opened.publish("c", "back")
        assert await _next(opened) == Event("c", "back")


async def test_messages_that_nobody_takes_are_bounded_and_a_gap_stands_for_them(dsn: str) -> None:
    async with backend(dsn, most_pending=5) as opened, connection(dsn) as other:
        waiting = asyncio.create_task(_next(opened))
        await other.execute("select pg_notify('baton', 'c' || chr(10) || n) from generate_series(1, 23) n")
        assert await waiting == Event("c", GAP)
        rest = [await _next(opened)]
        while rest[-1].message != "23":
            rest.append(await _next(opened))
        assert len(rest) < 5


async def test_a_database_that_is_not_there_at_the_start_is_unavailable_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dsn = f"postgresql://nobody:secret@127.0.0.1:{taken.getsockname()[1]}/nothing"
        with pytest.raises(Unavailable) as caught:
            await PostgresBackend(dsn).connect()
    assert "secret" not in str(caught.value)


async def test_a_server_that_never_answers_at_the_start_is_unavailable() -> None:
    left = asyncio.Event()

    async def listen_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()
        writer.close()
        left.set()

    async with await asyncio.start_server(listen_only, "127.0.0.1", 0) as mute:
        port = mute.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable):
            await PostgresBackend(f"postgresql://a@127.0.0.1:{port}/b", deadline_seconds=0.2).connect()
        await left.wait()


async def test_hints_wait_for_no_disk(dsn: str) -> None:
    """A notification inside a durable commit would hold a lock of the whole database over the flush."""
    async with backend(dsn) as opened:
        connection = opened._publisher._connection
        assert connection is not None
        assert await connection.fetchval("show synchronous_commit") == "off"
