"""Workers that sleep past their lease, share a run, live by another clock, or die of what they carry."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import asyncpg
import pytest

from ids import Kind, decode
from tests.client import Client
from tests.faults.conftest import promised
from tests.faults.crew import Crew, start_run, until_over
from tests.faults.nursery import Child
from tests.faults.oracle import examine, transcript
from tests.faults.postgres import through
from tests.faults.proxy import Ambush, Proxy

pytestmark = pytest.mark.anyio

SENTENCE = "Add a task to buy milk, then add a task to call mom"
LEASE = 1
_BEGUN = ["to the server: B insert into steps", "to the client: C COMMIT"]
_EFFECT = ["to the server: B .*insert into tasks"]
_TAKEN = """
    select max(at) from events
    where stream = $1 and kind = 'ExecutionStatusChanged' and payload->>'status' = 'RUNNING'
"""


class Stage:
    """A run that a worker beyond the road begins, and what happens to that worker in the middle of it."""

    def __init__(self, crew: Crew, road: Proxy, watch: asyncpg.Connection, ada: Client) -> None:
        self._crew, self._road, self._watch, self._ada = crew, road, watch, ada
        self._count = 0

    async def until(self, scene: list[str], act: Callable[[Child], None]) -> tuple[UUID, Child]:
        """The run, and the worker to whom it was done."""
        self._count += 1
        run_id = decode(Kind.EXECUTION, await start_run(self._ada, SENTENCE))
        ambush = self._road.ambush = Ambush(
            scene, lambda _: act(worker), client="baton worker", merciful=True
        )
        worker = self._crew.worker(through(self._crew.dsn, self._road.port))
        assert await asyncio.to_thread(ambush.sprung.wait, 20), "not tested"
        return run_id, worker

    async def now(self) -> object:
        return await self._watch.fetchval("select clock_timestamp()")

    async def taken_over(self, run_id: UUID, since: object) -> float:
        """Seconds from an instant to when another worker took it; returns once it is over."""
        await until_over(self._watch, self._count)
        taken = await self._watch.fetchval(_TAKEN, run_id)
        return (taken - since).total_seconds()


@pytest.fixture
async def stage(crew: Crew, road: Proxy, watch: asyncpg.Connection) -> AsyncIterator[Stage]:
    """A server, and no worker yet."""
    crew.server()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        yield Stage(crew, road, watch, Client(http, token))


async def test_a_killed_workers_run_is_taken_over_within_its_lease_and_two_seconds(
    crew: Crew, stage: Stage, watch: asyncpg.Connection, times: int
) -> None:
    relief = crew.worker()
    taken: list[float] = []
    for _ in range(2 * times):
        relief.send(signal.SIGSTOP)
        run_id, _ = await stage.until(_EFFECT, Child.kill)
        died = await stage.now()
        relief.send(signal.SIGCONT)
        taken.append(await stage.taken_over(run_id, died))

    print("taken over after", sorted(round(one, 2) for one in taken))
    assert max(taken) < LEASE + promised(2)
    assert (await examine(watch)).violations == []


@pytest.mark.parametrize("scene", [_BEGUN, _EFFECT], ids=["between", "within"])
async def test_a_worker_that_sleeps_past_its_lease_writes_nothing_when_it_wakes(
    crew: Crew, stage: Stage, watch: asyncpg.Connection, scene: list[str], times: int
) -> None:
    """Between two transactions its fence is refused; within one, Postgres lets go of its locks meanwhile."""
    fenced = 0
    for _ in range(2 * times):
        run_id, sleeper = await stage.until(scene, lambda one: one.send(signal.SIGSTOP))
        slept = await stage.now()
        relief = crew.worker()
        assert await stage.taken_over(run_id, slept) < LEASE + promised(2)
        before = await transcript(watch, run_id)
        sleeper.send(signal.SIGCONT)
        await sleeper.says("lost the lease of run", "left to its lease")
        fenced += sleeper.output().count("lost the lease of run")
        sleeper.kill()
        relief.kill()
        assert await transcript(watch, run_id) == before

    found = await examine(watch)
    assert found.violations == []
    assert found.repeated + found.resumed >= 2 * times
    assert scene is _EFFECT or fenced == 2 * times
