"""Workers that sleep past their lease, lose a run in their hands, live by another clock, or die of a run."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from ids import Kind, decode
from tests.client import Client
from tests.faults.conftest import promised
from tests.faults.crew import MANY_ATTEMPTS, Child, Crew, start_run, until_over
from tests.faults.oracle import examine, transcript
from tests.faults.postgres import through
from tests.faults.proxy import Ambush, Proxy

pytestmark = pytest.mark.anyio

SENTENCE = "Add a task to buy milk, then add a task to call mom"
LEASE = 1
_SAID = ["to the server: B .*insert into steps", "to the client: C COMMIT"]
_EFFECT = ["to the server: B .*insert into tasks"]
_TAKEN = """
    select max(at) from events
    where stream = $1 and kind = 'ExecutionStatusChanged' and payload->>'status' = 'RUNNING'
"""
_TAKE_AWAY = """
    update executions set status = 'QUEUED', lease_owner = null, lease_until = null
    where status = 'RUNNING'
      and id = (select id from executions where status = 'RUNNING' order by random() limit 1)
"""
_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class Stage:
    """Runs that a worker beyond the road begins, and what happens to that worker in the middle of one."""

    def __init__(self, crew: Crew, road: Proxy, watch: asyncpg.Connection, ada: Client) -> None:
        self._crew, self._road, self._watch, self._ada = crew, road, watch, ada
        self._count = 0

    async def start(self) -> UUID:
        """One more run."""
        self._count += 1
        return decode(Kind.EXECUTION, await start_run(self._ada, SENTENCE))

    async def worker_until(self, scene: list[str], act: Callable[[Child], None]) -> Child:
        """A new worker, to whom it was done."""
        ambush = self._road.ambush = Ambush(
            scene, lambda _: act(worker), client="baton worker", merciful=True
        )
        worker = self._crew.worker(through(self._crew.dsn, self._road.port))
        assert await asyncio.to_thread(ambush.sprung.wait, 20), "not tested"
        return worker

    async def all_over(self) -> None:
        """Until every run has ended."""
        await until_over(self._watch, self._count)

    async def taken_over(self, run_id: UUID, since: object) -> float:
        """Seconds from an instant to when another worker took it; returns once all is over."""
        await self.all_over()
        taken = await self._watch.fetchval(_TAKEN, run_id)
        return (taken - since).total_seconds()


@pytest.fixture
async def stage(crew: Crew, road: Proxy, watch: asyncpg.Connection) -> AsyncIterator[Stage]:
    """A server, and no worker yet."""
    crew.set(BATON_POOL_SIZE="1")  # so that a worker's words come one after another
    crew.server()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        yield Stage(crew, road, watch, Client(http, token))


async def now(watch: asyncpg.Connection) -> object:
    """By Postgres' clock."""
    return await watch.fetchval("select clock_timestamp()")


async def both_are_there(watch: asyncpg.Connection) -> None:
    """Until two workers are at the database, lest the first does everything alone."""
    there = "select count(*), pg_sleep(0.02) from pg_stat_activity where application_name = 'baton worker'"
    async with asyncio.timeout(60):
        while await watch.fetchval(there) < 2:
            pass


async def test_a_killed_workers_run_is_taken_over_within_its_lease_and_two_seconds(
    crew: Crew, stage: Stage, watch: asyncpg.Connection, times: int
) -> None:
    relief = crew.worker()
    taken: list[float] = []
    for _ in range(2 * times):
        relief.send(signal.SIGSTOP)
        run_id = await stage.start()
        await stage.worker_until(_EFFECT, Child.kill)
        died = await now(watch)
        relief.send(signal.SIGCONT)
        taken.append(await stage.taken_over(run_id, died))

    print("taken over after", sorted(round(one, 2) for one in taken))
    assert max(taken) < LEASE + promised(2)
    assert (await examine(watch)).violations == []


@pytest.mark.parametrize("scene", [_SAID, _EFFECT], ids=["between", "within"])
async def test_a_worker_that_sleeps_past_its_lease_writes_nothing_when_it_wakes(
    crew: Crew, stage: Stage, watch: asyncpg.Connection, scene: list[str], times: int
) -> None:
    """Between two transactions its fence is refused; within one, Postgres lets go of its locks meanwhile."""
    fenced = 0
    for _ in range(2 * times):
        run_id = await stage.start()
        sleeper = await stage.worker_until(scene, lambda one: one.send(signal.SIGSTOP))
        slept = await now(watch)
        relief = crew.worker()
        assert await stage.taken_over(run_id, slept) < LEASE + promised(2)
        before = await transcript(watch, run_id)
        sleeper.send(signal.SIGCONT)
        fenced += await sleeper.says("lost the lease of run", "is left to its lease")
        sleeper.kill()
        relief.kill()
        assert await transcript(watch, run_id) == before

    found = await examine(watch)
    assert found.violations == []
    assert fenced == found.resumed == 2 * times


async def test_two_who_are_told_that_they_own_the_same_run_do_everything_once(
    crew: Crew, stage: Stage, watch: asyncpg.Connection, times: int
) -> None:
    """Runs are given away under their workers' hands, who go on with them until they are refused."""
    crew.set(BATON_POOL_SIZE="5")
    for _ in range(3):
        crew.worker()
    dice = random.Random(3)
    for _ in range(10 * times):
        await asyncio.gather(*(stage.start() for _ in range(4)))
        for _ in range(6):
            await watch.execute(MANY_ATTEMPTS)
            await watch.execute(_TAKE_AWAY)
            await asyncio.sleep(dice.uniform(0, 0.02))
    await stage.all_over()

    found = await examine(watch)
    assert found.violations == []
    assert found.statuses == {"COMPLETED": 40 * times}
    assert crew.said("lost the lease of run") > 0
    assert crew.confessions() == []


async def test_a_run_that_kills_every_worker_fails_at_its_cap_and_holds_nobody_up(
    crew: Crew, stage: Stage, watch: asyncpg.Connection
) -> None:
    poison = await stage.start()
    for _ in range(5):
        victim = await stage.worker_until(_EFFECT, Child.kill)
        victim.wait()
        await watch.execute("update executions set lease_until = now() where lease_until is not null")
    other = await stage.start()
    crew.worker()
    await stage.all_over()

    ends = await watch.fetch("select id, status, end_reason, attempt from executions order by created_at")
    assert [tuple(end) for end in ends] == [
        (poison, "FAILED", "ATTEMPTS_EXHAUSTED", 5),
        (other, "COMPLETED", "FINAL_ANSWER", 1),
    ]
    assert (await examine(watch)).violations == []


@pytest.mark.skipif(not _FAKETIME, reason="needs libfaketime, which CI installs")
async def test_workers_whose_clocks_are_minutes_apart_take_nothing_from_each_other(
    crew: Crew, stage: Stage, watch: asyncpg.Connection, times: int
) -> None:
    """Leases are judged by Postgres' clock alone."""
    crew.set(BATON_LEASE_SECONDS="10")
    for skew in ("+90s", "-90s"):
        crew.worker(LD_PRELOAD=str(_FAKETIME[0]), FAKETIME=skew, FAKETIME_DONT_FAKE_MONOTONIC="1")
    await both_are_there(watch)
    await asyncio.gather(*(stage.start() for _ in range(40 * times)))
    await stage.all_over()

    found = await examine(watch)
    assert found.violations == []
    assert await watch.fetchval("select max(attempt) from executions") == 1
