"""A standby takes over that had not heard of the newest entries: their seqs are given anew, to others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import Client, Stream
from tests.faults.crew import Crew
from tests.faults.postgres import Server, standby_of, through
from tests.faults.proxy import Proxy
from tests.processes import until

pytestmark = pytest.mark.anyio

DAY = """
subscription ($after: String) { activityStream(after: $after) {
    __typename ... on Resumable { cursor } ... on StreamReset { cause snapshot { id } }
    ... on EventBatch { continuesFrom events { seq ... on TaskChanged { task { title } } } }
} }"""
CREATE = """
mutation ($title: String!) {
  createTask(input: {title: $title}) { ... on CreateTaskSuccess { task { title } } }
}
"""


async def frame(stream: Stream) -> dict[str, Any]:
    """The next one that is no heartbeat."""
    async with asyncio.timeout(20):
        while True:
            told = await anext(stream)
            if told["__typename"] != "Heartbeat":
                return told


@pytest.fixture
def standby(server: Server) -> Iterator[Server]:
    """Follows the server of these tests."""
    with standby_of(server) as standby:
        yield standby


async def test_what_was_told_and_is_lost_is_taken_back_by_a_reset(
    crew: Crew, server: Server, standby: Server, dsn: str
) -> None:
    """On a stream that is open, and on one that comes back with the place of what is lost."""
    here = [server]
    with Proxy(lambda: ("127.0.0.1", here[-1].port)) as road:
        await asyncio.to_thread(crew.server, None, through(dsn, road.port))
        async with crew.http() as http:
            ada = Client(http, await asyncio.to_thread(crew.token))
            async with ada.stream(DAY) as stream:
                await frame(stream)
                await ada.one(CREATE, title="kept")
                kept = await frame(stream)
                await asyncio.to_thread(until, lambda: standby.caught_up(server))
                await asyncio.to_thread(standby.fall_behind)
                await ada.one(CREATE, title="lost")
                lost = await frame(stream)

                server.stop("kill")
                await asyncio.to_thread(standby.promote)
                here.append(standby)
                reset = await frame(stream)
                assert (reset["__typename"], reset["cause"]) == ("StreamReset", "LOG_TRUNCATED")
                await ada.one(CREATE, title="new")
                new = await frame(stream)
            assert new["continuesFrom"] == reset["cursor"]
            assert [event["task"]["title"] for one in (kept, lost, new) for event in one["events"]] == [
                *("kept", "lost", "new"),
            ]
            assert [event["seq"] for one in (kept, lost, new) for event in one["events"]] == [1, 2, 2]
            async with ada.stream(DAY, after=lost["cursor"]) as stream:
                told = [await frame(stream) for _ in range(2)]
            assert [one["__typename"] for one in told] == ["StreamOpened", "StreamReset"]
            assert {one["cursor"] for one in told} == {new["cursor"]}
            async with ada.stream(DAY, after=reset["cursor"]) as stream:
                assert [await frame(stream) for _ in range(2)][1]["events"] == new["events"]
    assert crew.confessions() == []
