"""Jobs of the shape of our runs on PgQueuer: `pgqueuer_jobs.py prepare | enqueue | work`.

Runs in an environment of its own (requirements/peers.txt) and knows nothing of Baton.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import shape
import uvloop
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries


@asynccontextmanager
async def connected(dsn: str):
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def prepare(dsn: str) -> None:
    async with connected(dsn) as connection:
        await connection.execute(shape.TABLE)
        await Queries(AsyncpgDriver(connection)).install()


async def enqueue(dsn: str, asked: shape.Asked) -> list[float]:
    """When each job was committed, where they come one by one."""
    payloads = asked.payloads()
    async with connected(dsn) as connection:
        queries = Queries(AsyncpgDriver(connection))
        if not asked.every:
            await queries.enqueue(["run"] * len(payloads), payloads, [0] * len(payloads))
            return []
        committed: list[float] = []
        for payload in payloads:
            await queries.enqueue("run", payload)
            committed.append(time.time())
            await asyncio.sleep(asked.every)
        return committed


async def work(dsn: str, slots: int) -> None:
    async with asyncpg.create_pool(dsn, min_size=2, max_size=10) as pool:
        queuer = PgQueuer(AsyncpgPoolDriver(pool))

        @queuer.entrypoint("run")
        async def run(job: Job) -> None:
            began, asked = time.time(), json.loads(job.payload or b"")
            for number in range(1, asked["steps"] + 1):
                await pool.execute(shape.STEP, asked["job"], number, began, shape.TEXT)

        await queuer.run(batch_size=slots, dequeue_timeout=timedelta(seconds=2))


if __name__ == "__main__":
    uvloop.run(shape.main(prepare, enqueue, work))
