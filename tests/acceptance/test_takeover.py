"""Workers that are killed: the run goes on elsewhere, from its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.acceptance.test_streams import check, events, frames
from tests.api import AWAIT, START
from tests.client import Client
from tests.processes import House, open_house

pytestmark = pytest.mark.anyio


@pytest.fixture
def small_house(dsn: str, tmp_path: Path) -> Iterator[House]:
    """One server and one worker whose lease is short."""
    with open_house(dsn, tmp_path, servers=1, workers=1, BATON_LEASE_SECONDS="1") as house:
        yield house


async def test_a_run_whose_worker_is_killed_between_two_steps_ends_on_another(small_house: House) -> None:
    """Steps are numbered without hole or double, each effect is there once, the stream misses nothing."""
    token = await asyncio.to_thread(small_house.token)
    holder = await asyncpg.connect(small_house.dsn)
    async with small_house.http() as http:
        ada = Client(http, token)
        transaction = holder.transaction()
        await transaction.start()
        # Nobody can write a task now: the worker stands still behind its first step, in the second.
        await holder.execute("lock table tasks in share row exclusive mode")
        started = await ada.one(START, input={"input": "Add a task to buy milk, then add a task to call mom"})
        run_id = started["execution"]["id"]
        watching = asyncio.create_task(frames(ada, run_id))
        await until_blocked(small_house, holder)

        small_house.processes[0].kill()
        small_house.start_worker()
        await transaction.rollback()

        run = (await ada.one(AWAIT, id=run_id))["execution"]
        assert (run["status"], run["attempt"]) == ("COMPLETED", 2)
        assert [step["number"] for step in run["steps"]["nodes"]] == [1, 2, 3, 4]
        assert [step["attempt"] for step in run["steps"]["nodes"]] == [1, 2, 2, 2]
        seen = await watching
        check(seen)
        assert [event["seq"] for event in events(seen)] == list(range(1, len(events(seen)) + 1))
        titles = [node["title"] for node in (await ada.one("{ tasks { nodes { title } } }"))["nodes"]]
        assert sorted(titles) == ["Buy milk", "Call mom"]
    await holder.close()


async def until_blocked(house: House, holder: asyncpg.Connection) -> None:
    """Wait until Postgres says that somebody waits for the holder's lock."""
    waiting = "select pg_sleep(0.01), count(*) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"
    # Not by the holder itself: in a transaction the activity is a picture taken once.
    observer = await asyncpg.connect(house.dsn)
    async with asyncio.timeout(20):
        while not (await observer.fetchrow(waiting, holder.get_server_pid()))["count"]:
            pass
    await observer.close()


async def test_a_stopped_worker_hands_its_run_back(small_house: House) -> None:
    """SIGTERM: the run is queued again at once, not when the lease has run out; the process ends well."""
    token = await asyncio.to_thread(small_house.token)
    holder = await asyncpg.connect(small_house.dsn)
    async with small_house.http() as http, holder.transaction():
        ada = Client(http, token)
        await holder.execute("lock table tasks in share row exclusive mode")
        started = await ada.one(START, input={"input": "Add a task to buy milk"})
        await until_blocked(small_house, holder)

        code = await asyncio.to_thread(small_house.processes[0].stop)

        status = await ada.one(
            "query ($id: ID!) { execution(id: $id) { status } }", id=started["execution"]["id"]
        )
    await holder.close()
    assert code == 0
    assert status == {"status": "QUEUED"}


async def test_a_server_that_is_told_to_stop_ends_well(small_house: House) -> None:
    """SIGTERM and SIGINT end a server with exit code 0 and no process behind."""
    server = small_house.processes[1]

    assert await asyncio.to_thread(server.stop) == 0
