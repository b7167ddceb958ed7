"""What budgets cost an operation: `python -m bench.budgets`.

The guard admits one operation after another, with budgets and without, in this process. Then slices are taken
from the database, as a process does ahead of use. Figures are processor time of this process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import uvloop

from auth import Principal, utc_now
from bench.edge import SINGLE
from bench.figures import MILLI, machine, table
from db.budgets import take
from db.connection import Database
from edge.answers import Answer
from edge.core import inside
from edge.documents import Documents
from edge.execution import Caller
from edge.guard import Guard
from resolvers.budgets import Budgets
from resolvers.purse import Purse
from schema.root import schema
from settings import Settings
from tests.postgres import cluster

_ANSWER = Answer(b'{"data":{"task":null}}')
_PER_SLICE = 20
_MICRO = MILLI * MILLI


async def measure(dsn: str, operations: int, slices: int) -> str:
    """What is printed. The database is there, migrated, and nobody else's."""
    db = Database(dsn, size=1, name="bench budgets")
    await db.open()
    settings = Settings()
    purse = Purse(settings, db, Budgets(db))
    spent = await _admitted(Guard(settings.max_cost, lambda: purse), settings, operations)
    free = await _admitted(Guard(settings.max_cost, None), settings, operations)
    taken = await _taken(db, settings.cost_per_minute, slices)
    await db.close()
    size = settings.cost_per_minute // _PER_SLICE
    rows = [
        ("an operation, with budgets", spent),
        ("an operation, without", free),
        (f"a slice of {size:,} points", taken),
    ]
    return f"{machine()}\n\n{table(('', 'server µs'), rows)}"


async def _admitted(guard: Guard, settings: Settings, count: int) -> float:
    """µs of an operation of one point, its share of the slices included."""
    operation = Documents(inside(schema), settings).operation(SINGLE, None)
    caller = Caller(Principal(uuid4(), utc_now() + timedelta(hours=1)), "bench", "127.0.0.1")
    began = time.process_time()
    for _ in range(count):
        charge = await guard.admit(operation.demand, {"number": 7}, caller)
        charge.shown_in(_ANSWER)
    return (time.process_time() - began) / count * _MICRO


async def _taken(db: Database, size: int, count: int) -> float:
    began = time.process_time()
    for number in range(count):
        async with db.as_system() as session:
            await take(session, f"user {UUID(int=number)}", 1, size // _PER_SLICE, size)
    return (time.process_time() - began) / count * _MICRO


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.budgets", description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000, help="of one point each")
    parser.add_argument("--slices", type=int, default=1_000)
    given = parser.parse_args(arguments)
    with cluster() as server, server.database() as dsn:
        print(uvloop.run(measure(dsn, given.operations, given.slices)))


if __name__ == "__main__":
    main()
