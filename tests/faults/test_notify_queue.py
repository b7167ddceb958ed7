"""Postgres' queue of notifications is full, as after a listener that got stuck: only hints are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from tests.client import Client
from tests.faults.crew import Crew, start_run, until_over
from tests.faults.oracle import examine
from tests.faults.postgres import Server
from tests.faults.test_outages import until_ready
from tests.faults.watcher import Watcher

pytestmark = pytest.mark.anyio

_NOISE = "select pg_notify('noise', repeat('x', 7000)) from generate_series(1, 20)"


@asynccontextmanager
async def full_queue(dsn: str) -> AsyncIterator[None]:
    """Somebody listens, and stands still in a transaction, until every NOTIFY fails."""
    stuck, loud = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        await stuck.execute("listen noise")
        await stuck.execute("begin; select 1")
        with suppress(asyncpg.ProgramLimitExceededError):
            while True:
                await loud.execute(_NOISE)
        yield
    finally:
        stuck.terminate()
        loud.terminate()


async def test_runs_and_streams_go_on_by_the_poll_and_hints_come_back_by_themselves(
    crew: Crew, dsn: str, server: Server, watch: asyncpg.Connection
) -> None:
    if not server.has_small_queue:
        pytest.skip(
            "before Postgres 17 the queue has 8 GB: tests/faults/test_notify_queue.py fills it in minutes"
        )
    crew.server()
    crew.worker()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        ada = Client(http, token)
        async with full_queue(dsn):
            await until_ready(http, 503)
            run_id = await start_run(ada, "Add a task to buy milk, then add a task to call mom")
            watched = await Watcher(lambda: crew.servers[0], token, run_id).watch()
            await until_over(watch, 1)

        await until_ready(http, 200)  # nobody but our own processes asks Postgres to clear the queue

    assert watched.status == "COMPLETED"
    assert crew.said("hints: cannot send") > 0
    assert crew.confessions() == []
    assert (await examine(watch)).violations == []
