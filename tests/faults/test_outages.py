"""Postgres cut off, restarted, frozen, away: no process restarts, nothing is lost, and it is told plainly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg
import httpx2
import pytest

from ids import Kind, decode
from tests.client import Client, GraphQLErrors
from tests.faults.conftest import promised
from tests.faults.crew import Crew, start_run, until_over
from tests.faults.oracle import Account, examine
from tests.faults.postgres import Server

pytestmark = pytest.mark.anyio

SENTENCE = "Add a task to buy milk, then add a task to call mom"
AWAY = 5.0
"Seconds; 30 where there is time."
_UNDER_WAY = 5
"Runs that are accepted before the trouble begins."


class Load:
    """Somebody who starts one run after another, each with a key, and asks again until it is accepted."""

    def __init__(self, crew: Crew, token: str) -> None:
        self._crew, self._token = crew, token
        self.accepted: list[str] = []
        self.refusals: list[str] = []
        self.slowest = 0.0
        self.is_well_under_way = asyncio.Event()
        self._ending = False

    async def run(self) -> None:
        async with self._crew.http() as http:
            ada = Client(http, self._token)
            count = 0
            while not self._ending:
                count += 1
                self.accepted.append(await self._start(ada, f"key {count}"))
                if count == _UNDER_WAY:
                    self.slowest = 0.0  # the first ones wait for much that is done once
                    self.is_well_under_way.set()
                await asyncio.sleep(0.02)

    async def _start(self, ada: Client, key: str) -> str:
        while True:
            asked = time.monotonic()
            try:
                return await start_run(ada, SENTENCE, idempotencyKey=key)
            except GraphQLErrors as refused:
                self.refusals.append(refused.code)
                await asyncio.sleep(0.05)
            finally:
                self.slowest = max(self.slowest, time.monotonic() - asked)

    async def under(self, trouble: Callable[[], Awaitable[None]]) -> None:
        """Go on while trouble is made; then until all has ended."""
        running = asyncio.create_task(self.run())
        try:
            await trouble()
        finally:
            self._ending = True
            await asyncio.wait({running}, timeout=30)
        running.result()

    async def outcome(self, dsn: str) -> Account:
        db = await asyncpg.connect(dsn)
        try:
            await until_over(db, len(self.accepted))
            return await examine(db, [decode(Kind.EXECUTION, one) for one in self.accepted])
        finally:
            db.terminate()


@pytest.fixture
async def load(crew: Crew) -> Load:
    """A server, two workers, and somebody who keeps them busy."""
    crew.server()
    crew.worker()
    crew.worker()
    return Load(crew, await asyncio.to_thread(crew.token))


async def test_every_connection_is_ended_in_turn_and_nothing_shows(
    crew: Crew, load: Load, dsn: str, times: int
) -> None:
    ended: set[str] = set()

    async def trouble() -> None:
        db = await asyncpg.connect(dsn)
        for _ in range(3 * times):
            found = await db.fetch(
                "select pid, application_name from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            for pid, name in found:
                await db.execute("select pg_terminate_backend($1)", pid)
                ended.add(name)
                await asyncio.sleep(0.02)
        db.terminate()

    await load.under(trouble)
    found = await load.outcome(dsn)
    assert crew.confessions() == []
    assert found.violations == []
    assert set(load.refusals) <= {"UNAVAILABLE"}
    assert ended >= {f"baton {who}{what}" for who in ("api", "worker") for what in ("", " listen", " notify")}
    assert all(child.is_running() for child in crew.children)


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
async def test_postgres_is_restarted_under_load_and_everything_goes_on(
    crew: Crew, load: Load, server: Server, dsn: str, how: str, times: int
) -> None:
    async def trouble() -> None:
        for _ in range(2 * times):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.restart, how)
        await asyncio.sleep(0.5)

    await load.under(trouble)
    found = await load.outcome(dsn)
    assert crew.confessions() == []
    assert found.violations == []
    assert set(load.refusals) == {"UNAVAILABLE"}
    assert all(child.is_running() for child in crew.children)


async def readiness(http: httpx2.AsyncClient) -> tuple[int, float]:
    asked = time.monotonic()
    answer = await http.get("/health/ready")
    return answer.status_code, time.monotonic() - asked


async def until_ready(http: httpx2.AsyncClient, status: int) -> float:
    """How long it took to say so."""
    began = time.monotonic()
    while (await readiness(http))[0] != status:
        pass
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["away", "frozen"])
async def test_while_postgres_is_gone_it_is_told_plainly_and_afterwards_all_is_well(
    crew: Crew, load: Load, server: Server, dsn: str, how: str, times: int
) -> None:
    told: dict[str, float] = {}

    async def trouble() -> None:
        async with crew.http() as http:
            await load.is_well_under_way.wait()
            await asyncio.to_thread(server.freeze if how == "frozen" else server.stop)
            told["503 after"] = await until_ready(http, 503)
            await asyncio.sleep(AWAY * (6 if times > 1 else 1))
            assert (await http.get("/health")).status_code == 200
            await asyncio.to_thread(server.mend)
            told["200 after"] = await until_ready(http, 200)

    await load.under(trouble)
    found = await load.outcome(dsn)
    told["slowest answer"] = load.slowest
    print(how, {what: round(seconds, 2) for what, seconds in told.items()})
    assert crew.confessions() == []
    assert found.violations == []
    assert told["503 after"] < promised(2)
    assert told["200 after"] < promised(3)
    assert told["slowest answer"] < promised(5)
    assert set(load.refusals) == {"UNAVAILABLE"}
    assert all(child.is_running() for child in crew.children)
