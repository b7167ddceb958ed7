"""A server's connection to Postgres is cut at every message of a mutation: its key makes it one effect."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx2
import pytest

from app import Server
from settings import Settings
from tests.api import CREATE, START, Api, User
from tests.client import GraphQLErrors
from tests.faults.postgres import through
from tests.faults.proxy import Count, Proxy, Road
from tests.faults.wire import Way

pytestmark = pytest.mark.anyio

Ask = Callable[[str], Awaitable[dict[str, Any]]]


@pytest.fixture
async def ada(settings: Settings, dsn: str, road: Proxy) -> AsyncIterator[User]:
    """Somebody who asks an application that reaches Postgres by the road, with one connection."""
    afar = settings.model_copy(update={"database_url": through(dsn, road.port), "pool_size": 1})
    server = Server(afar)
    app = server.application()
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            yield await Api(server.services, http).user()


class Sweep:
    """One key after another; with each the connection is cut at the next message."""

    def __init__(self, road: Proxy) -> None:
        self._road = road
        self.cuts = self.keys = 0
        self.resolved = 0
        "Commits that nobody was told of, and that the key found again."
        self.codes: set[str] = set()

    def was_a_test(self, way: Way) -> None:
        """It was cut often, a lost answer was resolved, and nobody was told anything but to ask again."""
        print(f"{self.cuts} cuts of a mutation, {self.resolved} lost answers found again by the key")
        assert self.cuts > 15
        assert way is Way.UP or self.resolved >= 1
        assert self.codes == {"UNAVAILABLE"}

    async def every_message(self, way: Way, ask: Ask) -> None:
        for number in itertools.count(1):
            await self._told(ask)  # from here on the connection knows every statement
            cut = self._road.ambush = Count(number, way, Road.cut, client="baton api")
            answer, was_refused = await self._told(ask)
            self._road.ambush = None
            self.resolved += was_refused and answer["replayed"]
            if cut.caught is None:
                return
            self.cuts += 1

    async def _told(self, ask: Ask) -> tuple[dict[str, Any], bool]:
        """The answer, and whether it had to be asked for twice."""
        self.keys += 1
        key = f"key {self.keys}"
        try:
            return await ask(key), False
        except GraphQLErrors as refused:
            self.codes.add(refused.code)
        return await ask(key), True


@pytest.mark.parametrize("way", Way, ids=["up", "down"])
async def test_a_task_is_made_once_however_often_it_has_to_be_asked_for(
    ada: User, road: Proxy, watch: asyncpg.Connection, way: Way
) -> None:
    async def ask(key: str) -> dict[str, Any]:
        return await ada.one(CREATE, input={"title": key, "idempotencyKey": key})

    sweep = Sweep(road)
    await sweep.every_message(way, ask)

    titles = [row["title"] for row in await watch.fetch("select title from tasks order by number")]
    assert titles == [f"key {number}" for number in range(1, sweep.keys + 1)]
    sweep.was_a_test(way)
    seqs = [row["seq"] for row in await watch.fetch("select seq from events order by seq")]
    assert seqs == list(range(1, sweep.keys + 1))


@pytest.mark.parametrize("way", Way, ids=["up", "down"])
async def test_a_run_is_started_once_however_often_it_has_to_be_asked_for(
    ada: User, road: Proxy, watch: asyncpg.Connection, way: Way
) -> None:
    async def ask(key: str) -> dict[str, Any]:
        return await ada.one(START, input={"input": key, "idempotencyKey": key})

    sweep = Sweep(road)
    await sweep.every_message(way, ask)

    asked = [row["input"] for row in await watch.fetch("select input from executions order by created_at")]
    assert sorted(asked) == sorted(f"key {number}" for number in range(1, sweep.keys + 1))
    sweep.was_a_test(way)
    logs = await watch.fetch(_LOGS)
    assert [seqs for (seqs,) in logs] == [[1]] * sweep.keys


_LOGS = "select array_agg(seq) from events where stream in (select id from executions) group by stream"
