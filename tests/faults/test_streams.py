"""Streams through every weather: the frames put together are the log, each event once and in order."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.client import Client
from tests.faults.crew import Crew, start_run
from tests.faults.oracle import examine
from tests.faults.proxy import Proxy, Weather, road_to, short_lives
from tests.faults.watcher import Watcher
from tests.faults.wire import Way

pytestmark = pytest.mark.anyio

LONG_SENTENCE = ", then ".join(f"add a task to call person {number}" for number in range(20))


class Audience:
    """Several who watch runs of their own over several servers, each behind a road."""

    def __init__(self, crew: Crew, token: str, roads: list[Proxy]) -> None:
        self._crew, self._token, self.roads = crew, token, roads
        self._dice = random.Random(7)
        self.watchers: list[Watcher] = []

    def cuts(self) -> int:
        """How many connections came to an early end."""
        return sum(road.cuts for road in self.roads)

    def somewhere(self) -> str:
        """The address of any server, by its road."""
        return f"http://127.0.0.1:{self._dice.choice(self.roads).port}"

    async def watch_while(self, wanted: Callable[[], bool], size: int = 8) -> None:
        """Each starts a run and watches it to its end, then another one, as long as it is wanted."""
        await asyncio.gather(*(self._one_after_another(wanted) for _ in range(size)))

    async def _one_after_another(self, wanted: Callable[[], bool]) -> None:
        while wanted():
            async with self._crew.http() as http:
                run_id = await start_run(Client(http, self._token), LONG_SENTENCE)
            for _ in range(8):  # live, and then as a log
                watcher = Watcher(self.somewhere, self._token, run_id)
                self.watchers.append(watcher)
                await watcher.watch()

    async def told_everything(self, watch: asyncpg.Connection) -> None:
        """Whoever watched saw the whole log of the run, and nothing is wrong with the rows."""
        seen = sum(one.seen for one in self.watchers)
        visits = sum(one.visits for one in self.watchers)
        print(f"{len(self.watchers)} streams in {visits} visits, {seen} events, {self.cuts()} cuts")
        found = await examine(watch)
        assert found.violations == []
        lengths = await watch.fetch("select last_seq from executions")
        assert {row["last_seq"] for row in lengths} >= {one.seen for one in self.watchers}
        assert all(one.status == "COMPLETED" and one.closes["TERMINAL"] == 1 for one in self.watchers)


@pytest.fixture
async def audience(crew: Crew) -> AsyncIterator[Audience]:
    """One server that is asked, three that are watched, one worker whose leases outlast a busy machine."""
    crew.set(BATON_LEASE_SECONDS="10", BATON_HEARTBEAT_SECONDS="1")
    for _ in range(4):
        await asyncio.to_thread(crew.server)
    crew.worker()
    with ExitStack() as stack:
        ports = [urlsplit(address).port for address in crew.servers[1:]]
        roads = [stack.enter_context(road_to(port or 0)) for port in ports]
        yield Audience(crew, await asyncio.to_thread(crew.token), roads)


async def test_cut_at_any_point_over_several_servers_nothing_is_missed_or_doubled(
    audience: Audience, watch: asyncpg.Connection, times: int
) -> None:
    for seed, road in enumerate(audience.roads):
        road.budget = short_lives(seed, 100, 5_500)

    await audience.watch_while(lambda: audience.cuts() < 300 * times)

    assert audience.cuts() >= 300 * times
    await audience.told_everything(watch)


async def test_servers_are_killed_and_their_listeners_cut_and_nothing_is_missed_or_doubled(
    audience: Audience, crew: Crew, watch: asyncpg.Connection, times: int
) -> None:
    """A server is killed every second or so, all ears for hints are cut each 300 ms."""
    storm = Storm(crew, watch)
    async with storm.raging():
        await audience.watch_while(lambda: storm.kills < 6 * times)

    assert storm.ears >= 6 * times
    assert sum(one.visits for one in audience.watchers) > len(audience.watchers)
    await audience.told_everything(watch)


async def test_on_slow_and_broken_roads_nothing_is_missed_or_doubled(
    audience: Audience, watch: asyncpg.Connection, times: int
) -> None:
    """Few bytes at a time, late, at 20 kB/s, or not at all for a while."""

    async def change() -> None:
        for weather in SPELLS * times:
            for road in audience.roads:
                road.weather = weather
            await asyncio.sleep(1)
            for road in audience.roads:
                road.heal()

    changing = asyncio.create_task(change())
    await audience.watch_while(lambda: not changing.done(), size=4)
    await changing
    await audience.told_everything(watch)


SPELLS = [
    Weather(slice=7),
    Weather(delay=0.05),
    Weather(rate=20_000),
    Weather(silent={Way.DOWN}),
    Weather(silent={Way.UP}),
    Weather(delay=0.02, rate=50_000, slice=100),
]


class Storm:
    """Servers die and come back at their ports; nobody hears hints for long."""

    def __init__(self, crew: Crew, watch: asyncpg.Connection) -> None:
        self._crew, self._watch = crew, watch
        self._servers = list(zip(crew.children[1:4], crew.servers[1:4], strict=True))
        self.kills = self.ears = 0

    @asynccontextmanager
    async def raging(self) -> AsyncIterator[None]:
        raging = [asyncio.create_task(work) for work in (self._kill(), self._deafen())]
        try:
            yield
        finally:
            for task in raging:
                task.cancel()
            await asyncio.wait(raging)
        for task in raging:
            assert task.cancelled(), task.exception()

    async def _kill(self) -> None:
        for turn in itertools.count():
            await asyncio.sleep(0.7)
            place = turn % len(self._servers)
            server, address = self._servers[place]
            server.kill()
            server.wait()
            self.kills += 1
            reborn = await asyncio.to_thread(self._crew.server, urlsplit(address).port)
            self._servers[place] = reborn, address

    async def _deafen(self) -> None:
        while True:
            self.ears += await self._watch.fetchval(_DEAFEN)
            await asyncio.sleep(0.3)


_DEAFEN = """
    select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and application_name = 'baton api listen'
      and state = 'idle' and query <> ''
"""
"Those that listen by now: a server whose very first word to Postgres fails does not start."
