"""An orderly end: what is open is sent off one by one, with a word that brings it back to another server."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import httpx2

from edge.connections import Connections
from edge.seats import Seats
from tests.edge.talk import Talk, connect
from tests.edge.world import serve


def open_stream(talk: Talk) -> None:
    talk.init()
    talk.subscribe("subscription { silence { number } }")
    assert talk.hear()["type"] == "next"


def test_sockets_are_closed_with_1012_and_their_sources_with_them() -> None:
    with serve() as server, connect(server) as one, connect(server) as other, connect(server) as fresh:
        open_stream(one)
        open_stream(other)
        server.drain(0.1)
        for talk in (one, other, fresh):
            assert talk.closed() == (1012, "Service restart")
        server.notes.expect("closed")
        server.notes.expect("closed")


def test_they_are_sent_off_one_by_one_over_the_whole_time() -> None:
    """So that not all come back to another server in the same moment."""
    told: list[float] = []

    async def stay(connections: Connections) -> None:
        sent_off = asyncio.Event()

        def leave() -> None:
            told.append(asyncio.get_running_loop().time())
            sent_off.set()

        with connections.member(leave):
            await sent_off.wait()

    async def drain() -> None:
        connections = Connections(Seats(4, "sockets"))
        staying = [asyncio.create_task(stay(connections)) for _ in range(4)]
        await asyncio.sleep(0)
        await connections.drain(0.2)
        await asyncio.gather(*staying)

    asyncio.run(drain())
    assert all(later - earlier > 0.04 for earlier, later in pairwise(told))
    assert len(told) == 4


def test_event_streams_end_without_complete() -> None:
    with serve() as server, httpx2.Client(base_url=server.origin, trust_env=False) as http:
        query = {"query": "subscription { silence { number } }"}
        with http.stream("POST", "/graphql", json=query, headers={"accept": "text/event-stream"}) as response:
            chunks = response.iter_text()
            heard = next(chunks)
            server.drain(0)
            heard += "".join(chunks)
        assert "event: next" in heard
        assert "event: complete" not in heard
        server.notes.expect("closed")


def test_nothing_long_is_begun_any_more_and_the_short_is_still_answered() -> None:
    with serve() as server, httpx2.Client(base_url=server.origin, trust_env=False) as http:
        server.drain(0)
        with connect(server) as talk:
            assert talk.closed() == (1012, "Service restart")
        query = {"query": "subscription { count { number } }"}
        refused = http.post("/graphql", json=query, headers={"accept": "text/event-stream"})
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (
            503,
            "UNAVAILABLE",
        )
        assert http.post("/graphql", json={"query": "{ hello }"}).json() == {"data": {"hello": "Hello, you!"}}


def test_a_mutation_under_way_is_carried_through() -> None:
    with serve() as server:
        with connect(server) as talk:
            talk.init()
            talk.subscribe("mutation { record }")
            server.notes.expect("recording")
            server.drain(0)
            assert talk.closed()[0] == 1012
        server.notes.gate.set()
        server.notes.expect("recorded")
