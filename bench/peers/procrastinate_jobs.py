"""Jobs of the shape of our runs on Procrastinate: `procrastinate_jobs.py prepare | enqueue | work`.

Runs in an environment of its own (requirements/peers.txt) and knows nothing of Baton.
"""

from __future__ import annotations

import asyncio
import json
import time

import asyncpg
import shape
import uvloop
from procrastinate import App, PsycopgConnector


def application(dsn: str) -> App:
    return App(connector=PsycopgConnector(conninfo=dsn, min_size=2, max_size=10))


async def prepare(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(shape.TABLE)
    await connection.close()
    app = application(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def enqueue(dsn: str, asked: shape.Asked) -> list[float]:
    """When each job was committed, where they come one by one."""
    app = application(dsn)
    arguments = [json.loads(payload) for payload in asked.payloads()]
    async with app.open_async():
        deferrer = app.configure_task("run", allow_unknown=True)
        if not asked.every:
            await deferrer.batch_defer_async(*arguments)
            return []
        committed: list[float] = []
        for one in arguments:
            await deferrer.defer_async(**one)
            committed.append(time.time())
            await asyncio.sleep(asked.every)
        return committed


async def work(dsn: str, slots: int) -> None:
    app = application(dsn)
    async with app.open_async(), asyncpg.create_pool(dsn, min_size=2, max_size=10) as pool:

        @app.task(name="run")
        async def run(job: int, steps: int) -> None:
            began = time.time()
            for number in range(1, steps + 1):
                await pool.execute(shape.STEP, job, number, began, shape.TEXT)

        await app.run_worker_async(concurrency=slots, fetch_job_polling_interval=2.0)


if __name__ == "__main__":
    uvloop.run(shape.main(prepare, enqueue, work))
