"""Workers that are killed at any moment, one after another, under load."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import pytest

from ids import Kind, decode
from tests.client import Client
from tests.faults.crew import MANY_ATTEMPTS, Crew, start_run, until_over
from tests.faults.oracle import examine

pytestmark = pytest.mark.anyio


async def test_no_run_is_lost_or_done_twice_whoever_is_killed_when(
    crew: Crew, watch: asyncpg.Connection, times: int
) -> None:
    """200 runs, three workers, a kill each quarter of a second."""
    dice, kills = random.Random(1), 25 * times
    crew.server()
    for _ in range(3):
        crew.worker()
    token = await asyncio.to_thread(crew.token)
    accepted: list[str] = []
    async with crew.http() as http:
        ada = Client(http, token)
        for _ in range(kills):
            accepted += await asyncio.gather(
                *(start_run(ada, "Add a task to buy milk, then add a task to call mom") for _ in range(8))
            )
            await asyncio.sleep(dice.uniform(0, 0.3))
            dice.choice([one for one in crew.workers if one.is_running()]).kill()
            crew.worker()
            # Here anybody may die as often as it happens.
            await watch.execute(MANY_ATTEMPTS)
        await until_over(watch, len(accepted))
    found = await examine(watch, [decode(Kind.EXECUTION, one) for one in accepted])
    print(f"{kills} kills, {found.runs} runs, {found.resumed} of them in several attempts")
    assert found.violations == []
    assert found.statuses == {"COMPLETED": 8 * kills}
    assert found.resumed > kills / 5
