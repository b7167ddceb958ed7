"""A worker that is killed at each boundary of a step: another one goes on, and only the attempt tells."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
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
_WORD = ["to the server: B .*insert into steps"]
_EFFECT = ["to the server: B .*insert into tasks"]
_COMMIT = ["to the server: Q commit"]
_COMMITTED = [*_COMMIT, "to the client: C COMMIT"]
BOUNDARIES = {
    "before a word of the run": (_WORD, []),
    "after a word of the run": (_WORD, _COMMITTED),
    "before the tool's effect": (_EFFECT, []),
    "after the tool's effect": (_EFFECT, _WORD),
    "before the commit": (_EFFECT, _COMMIT),
    "after the commit": (_EFFECT, _COMMITTED),
}
"What comes again and again in a run, and what then follows: the worker dies there."


_OVER = "select finished_at is not null, pg_sleep(0.005) from executions where id = $1"


class Killing:
    """A run that is begun by a worker who dies in it, and ended by another."""

    def __init__(self, crew: Crew, road: Proxy, watch: asyncpg.Connection, ada: Client) -> None:
        self._crew, self._road, self._watch, self._ada = crew, road, watch, ada
        self._count = 0

    async def undisturbed(self) -> UUID:
        """Nobody dies."""
        run_id = await self.start()
        await self._carried_on()
        return run_id

    async def dies(self, scene: list[str]) -> UUID | None:
        """A run whose worker was killed at the end of this scene; None where the run ended before."""
        run_id = await self.start()
        return run_id if await self.dies_over(run_id, scene, "baton worker") else None

    async def dies_over(self, run_id: UUID, scene: list[str], client: str) -> bool:
        """Whether the worker was killed; the scene is one of its connection of this name."""
        ambush = self._road.ambush = Ambush(scene, lambda _: victim.kill(), client=client)
        victim = self._crew.worker(through(self._crew.dsn, self._road.port))
        while not ambush.sprung.is_set() and not await self._watch.fetchval(_OVER, run_id):
            pass
        victim.kill()
        victim.wait()
        self._road.cut()
        await let_leases_run_out(self._watch)
        await self._carried_on()
        return ambush.sprung.is_set()

    async def start(self) -> UUID:
        self._count += 1
        return decode(Kind.EXECUTION, await start_run(self._ada, SENTENCE))

    async def _carried_on(self) -> None:
        relief = self._crew.worker()
        await until_over(self._watch, self._count, 20)
        relief.kill()
        relief.wait()


@pytest.fixture
async def killing(crew: Crew, road: Proxy, watch: asyncpg.Connection) -> AsyncIterator[Killing]:
    """A server, no worker yet; each has one connection for its words, so that they come in one order."""
    crew.set(BATON_POOL_SIZE="1")
    crew.server()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        yield Killing(crew, road, watch, Client(http, token))


async def test_killed_at_any_boundary_of_any_step_a_run_is_what_it_would_have_been(
    killing: Killing, watch: asyncpg.Connection
) -> None:
    model = await transcript(watch, await killing.undisturbed())
    for name, (again, then) in BOUNDARIES.items():
        for number in itertools.count(1):
            run_id = await killing.dies([*again * number, *then])
            if run_id is None:
                break
            assert await transcript(watch, run_id) == model, (name, number)
        assert number > 1, f"not tested: {name}"

    found = await examine(watch)
    assert found.violations == []
    assert found.resumed >= 6


async def test_killed_before_the_hint_what_was_committed_is_found_all_the_same(
    killing: Killing, watch: asyncpg.Connection
) -> None:
    run_id = await killing.start()
    hint = f"to the server: B select pg_notify.*{run_id.hex}"
    assert await killing.dies_over(run_id, [hint], "baton worker notify")
    assert (await examine(watch)).violations == []
