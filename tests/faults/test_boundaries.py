"""A worker that is killed at each boundary of a step: another one goes on, and only the attempt tells."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from ids import Kind, decode
from tests.client import Client
from tests.faults.crew import Crew, let_leases_run_out, start_run, until_over
from tests.faults.oracle import examine, transcript
from tests.faults.postgres import through
from tests.faults.proxy import Ambush, Proxy

pytestmark = pytest.mark.anyio

SENTENCE = "Add a task to buy milk, then add a task to call mom"
STEPS = 4
_ROW = ["to the server: B insert into steps"]
_EFFECT = ["to the server: B .*insert into tasks"]
_COMMIT = ["to the server: Q commit"]
_COMMITTED = [*_COMMIT, "to the client: C COMMIT"]
BOUNDARIES = {
    "before the step's row": [_ROW * number for number in range(1, STEPS + 1)],
    "after the step's row": [[*_ROW * number, *_COMMITTED] for number in range(1, STEPS + 1)],
    "after the tool's effect": [[*_EFFECT * number, "to the server: B update steps"] for number in (1, 2)],
    "before the commit": [[*_EFFECT * number, *_COMMIT] for number in (1, 2)],
    "after the commit": [[*_EFFECT * number, *_COMMITTED] for number in (1, 2)],
    "after the end": [["to the server: B update executions set status", *_COMMITTED]],
}


class Killing:
    """A run that is begun by a worker who dies in it, and ended by another."""

    def __init__(self, crew: Crew, road: Proxy, watch: asyncpg.Connection, ada: Client) -> None:
        self._crew, self._road, self._watch, self._ada = crew, road, watch, ada
        self._count = 0

    async def undisturbed(self) -> UUID:
        run_id = await self._start()
        relief = self._crew.worker()
        await self._over()
        relief.kill()
        relief.wait()
        return run_id

    async def dies(self, scene: list[str], client: str = "baton worker") -> UUID:
        run_id = await self._start()
        return await self.dies_over(run_id, scene, client)

    async def dies_over(self, run_id: UUID, scene: list[str], client: str) -> UUID:
        ambush = self._road.ambush = Ambush(scene, lambda _: victim.kill(), client=client)
        victim = self._crew.worker(through(self._crew.dsn, self._road.port))
        assert await asyncio.to_thread(ambush.sprung.wait, 20), f"not tested: {scene}"
        victim.wait()
        self._road.cut()
        await let_leases_run_out(self._watch)
        relief = self._crew.worker()
        await self._over()
        relief.kill()
        relief.wait()
        return run_id

    async def _start(self) -> UUID:
        self._count += 1
        return decode(Kind.EXECUTION, await start_run(self._ada, SENTENCE))

    async def _over(self) -> None:
        await until_over(self._watch, self._count, 20)


async def test_killed_at_any_boundary_of_any_step_a_run_is_what_it_would_have_been(
    crew: Crew, road: Proxy, watch: asyncpg.Connection
) -> None:
    crew.server()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        killing = Killing(crew, road, watch, Client(http, token))
        model = await transcript(watch, await killing.undisturbed())
        for name, scenes in BOUNDARIES.items():
            for scene in scenes:
                run_id = await killing.dies(scene)
                assert await transcript(watch, run_id) == model, (name, scene)

    found = await examine(watch)
    assert found.violations == []
    assert found.resumed >= 10


async def test_killed_before_the_hint_what_was_committed_is_found_all_the_same(
    crew: Crew, road: Proxy, watch: asyncpg.Connection
) -> None:
    crew.server()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        killing = Killing(crew, road, watch, Client(http, token))
        run_id = await killing._start()
        await killing.dies_over(
            run_id, [f"to the server: B select pg_notify.*{run_id.hex}"] * 2, "baton worker notify"
        )
    assert (await examine(watch)).violations == []
