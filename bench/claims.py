"""What a claim costs, by how many runs are queued; and the plan that it goes by."""

from __future__ import annotations

import time
from dataclasses import dataclass

import asyncpg

from bench.figures import MILLI, percentile
from db.connection import BY_INDEX
from db.queue import CLAIM

_QUEUED = """
insert into executions (id, user_id, input, status, rank, last_seq, created_at)
select gen_random_uuid(), (select id from users offset mod(n, 20) limit 1), 'Show my tasks', 'QUEUED',
  now() - n * interval '1 second', 1, now() - interval '1 year'
from generate_series(1, $1::int) as n"""
_SLOTS = 10
_WARM = 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """Milliseconds of a claim of ten runs, by Postgres' caller."""

    queued: int
    p50: float
    p99: float


async def claims(dsn: str, sizes: list[int], times: int) -> tuple[list[Claimed], str]:
    """The claim by each number of queued runs, ascending, and its plan with the last. All is rolled back."""
    connection = await asyncpg.connect(dsn)
    try:
        found: list[Claimed] = []
        before = 0
        for size in sizes:
            await connection.execute(_QUEUED, size - before)
            await connection.execute("vacuum analyze executions")
            before = size
            found.append(await _timed(connection, size, times))
        return found, await _plan(connection)
    finally:
        await connection.close()


async def _timed(connection: asyncpg.Connection, size: int, times: int) -> Claimed:
    statement = await connection.prepare(CLAIM.sql)
    arguments = CLAIM.arguments({"worker": "bench", "slots": _SLOTS, "lease_seconds": 12.0})
    taken: list[float] = []
    for _ in range(times + _WARM):
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(BY_INDEX)
        began = time.perf_counter()
        rows = await statement.fetch(*arguments)
        taken.append((time.perf_counter() - began) * MILLI)
        assert len(rows) == min(size, _SLOTS)
        await transaction.rollback()
    return Claimed(size, percentile(taken[_WARM:], 50), percentile(taken[_WARM:], 99))


async def _plan(connection: asyncpg.Connection) -> str:
    arguments = CLAIM.arguments({"worker": "bench", "slots": _SLOTS, "lease_seconds": 12.0})
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(BY_INDEX)
    rows = await connection.fetch(
        f"explain (analyze, costs off, timing off, summary off) {CLAIM.sql}", *arguments
    )
    await transaction.rollback()
    return "\n".join(row[0] for row in rows)
