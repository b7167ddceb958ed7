"""A worker's connection to Postgres is cut at every message: nothing shows, nothing is done twice."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from engine.commands.executions import NewExecution, start_execution
from engine.topics import CANCEL_TOPIC, DUE_TOPIC, QUEUE_TOPIC
from resolvers.services import Services, open_services
from resolvers.users import ensure_user
from settings import Settings
from tests.conftest import working
from tests.faults.crew import let_leases_run_out
from tests.faults.oracle import examine, transcript
from tests.faults.postgres import through
from tests.faults.proxy import Count, Proxy, Road
from tests.faults.warehouse import TABLE
from tests.faults.wire import Way
from tests.scripted import make_agent

pytestmark = pytest.mark.anyio

TOOLS = "tests.faults.warehouse"
ORDERS = '[{"call": "order", "arguments": {"item": "milk"}}, {"answer": "Ordered."}]'
_WORKER = "baton worker"
_LOOK_NOW = {CANCEL_TOPIC: 0, DUE_TOPIC: 0, QUEUE_TOPIC: 0}


@asynccontextmanager
async def worker_beyond(road: Proxy, settings: Settings) -> AsyncIterator[Services]:
    """A worker that reaches Postgres by the road, does the same each time, and nothing unless it is told."""
    assert settings.database_url is not None
    dsn = through(settings.database_url, road.port)
    times = {"lease_seconds": 300, "poll_seconds": 60, "pool_size": 1, "tools_module": TOOLS}
    afar = settings.model_copy(update={"database_url": dsn, **times})
    async with open_services(afar, afar.database_url, _WORKER) as services, working(services):
        yield services


class Sweep:
    """One run after another; in each the connection is cut at the next message."""

    def __init__(
        self, settings: Settings, road: Proxy, watch: asyncpg.Connection, near: Services, run: NewExecution
    ) -> None:
        self._settings, self._road, self._watch, self._near = settings, road, watch, near
        self._new = run
        self.runs = self.cuts = 0
        self.ambiguous = 0
        "Commits that the worker was told nothing of, and that were."
        self.others: Counter[str] = Counter()

    async def every_message(self, way: Way, user_id: UUID) -> None:
        async with worker_beyond(self._road, self._settings) as services:
            for number in itertools.count(1):
                cut = Count(number, way, Road.cut, client=_WORKER)
                model = await self._run(services, user_id, None)  # on a connection that knows every statement
                assert await self._run(services, user_id, cut) == model, (number, cut.caught)
                if cut.caught is None:
                    return
                self.cuts += 1
                self.ambiguous += str(cut.caught).startswith("to the client: C COMMIT")

    async def _run(self, services: Services, user_id: UUID, cut: Count | None) -> list[object]:
        self._road.ambush = cut
        self.runs += 1
        run = await self._near.db.transact(
            user_id, lambda session: start_execution(session, user_id, self._new)
        )
        async with asyncio.timeout(20):
            await self._over(run.id, services, cut)
        self._road.ambush = None
        await self._quiet()
        return await transcript(self._watch, run.id)

    async def _quiet(self) -> None:
        """Until the worker has seen that there is nothing more to claim."""
        passed = -1
        while passed != self._road.passed:
            passed = self._road.passed
            await asyncio.sleep(0.01)

    async def _over(self, run_id: UUID, services: Services, cut: Count | None) -> None:
        over = "select finished_at is not null from executions where id = $1"
        for look in itertools.count():
            if await self._watch.fetchval(over, run_id):
                return
            if look % 20 == 10 and cut is not None and cut.caught is not None:
                await let_leases_run_out(self._watch)
                services.hub.publish(
                    {CANCEL_TOPIC: 0, DUE_TOPIC: 0, QUEUE_TOPIC: 0}
                )  # look now, and not in a while
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("way", Way, ids=["up", "down"])
async def test_a_run_whose_worker_loses_its_connection_at_any_message_is_what_it_would_have_been(
    settings: Settings, dsn: str, road: Proxy, watch: asyncpg.Connection, way: Way
) -> None:
    async with open_services(settings, dsn, "baton test") as near:
        ada = await ensure_user(near.db, "ada@example.com")
        sweep = Sweep(settings, road, watch, near, NewExecution("Add a task to buy milk"))
        await sweep.every_message(way, ada.id)

    print(f"{sweep.cuts} cuts of a run, {sweep.ambiguous} of them ambiguous commits that were")
    assert (await examine(watch)).violations == []
    assert sweep.cuts >= 25
    assert way is Way.UP or sweep.ambiguous >= 3


async def test_whatever_is_cut_a_call_beyond_our_rows_has_one_key(
    settings: Settings, dsn: str, road: Proxy, watch: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be made again; whoever is called can tell."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    await watch.execute(TABLE)
    async with open_services(settings, dsn, "baton test") as near:
        ada = await ensure_user(near.db, "ada@example.com")
        agent = await make_agent(near.db, ada.id, "shopper", model=f"fake:{ORDERS}")
        sweep = Sweep(settings, road, watch, near, NewExecution("x", agent_id=agent.id))
        await sweep.every_message(Way.DOWN, ada.id)

    calls = await watch.fetchrow("select count(*) as made, count(distinct effect_key) as keys from calls")
    print(f"{sweep.cuts} cuts of {sweep.runs} runs, {calls['made']} calls")
    assert (await examine(watch)).violations == []
    assert calls["keys"] == sweep.runs < calls["made"]
