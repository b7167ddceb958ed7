"""`askTaskAgent` under 100 connections, and a bare route with the same statements beside it, in one run:
`python -m bench.task_agent`.

A server process, Postgres and this process share the machine's cores. Each connection asks again as soon as
it has its answer; rounds of the API and of the floor take turns.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvloop

from bench.figures import MILLI, machine, medians, percentile, table, verdict
from bench.ground import Person, backends, people, postgres
from bench.load import connections, storm
from bench.processes import Meter, Served, served
from bench.speech import Asked, Dialect, Tally, to_api, to_floor
from db.connection import Database
from tests.postgres import cluster
from tests.processes import SECRET

TARGET_MS = 250
_FLOOR = ("uvicorn", "bench.floor:app", "--loop", "uvloop", "--http", "httptools", "--log-level", "warning")
_FIGURES = ("p50", "p95", "p99", "requests/s", "server", "Postgres", "load")
_HEADS = ("", "p50 ms", "p95 ms", "p99 ms", "requests/s", "server µs", "Postgres µs", "load µs", "p95 worst")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked."""

    lanes: int
    calls: int
    "Of each lane in each round."
    users: int
    tasks: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the table: who asks whom, and how."""

    name: str
    server: Served
    dialect: Dialect
    people: list[Person]
    rounds: list[dict[str, float]]


@asynccontextmanager
async def subjects(dsn: str, size: Size) -> AsyncGenerator[list[Subject], None]:
    """API and floor, each asked by several users and by one."""
    env = {"DATABASE_URL": dsn, "BATON_JWT_SECRET": SECRET}
    with served("cli", "serve", env=env) as api, served(*_FLOOR, env=env) as floor:
        sides = {"askTaskAgent": (api, to_api), "bare route": (floor, to_floor)}
        db = Database(dsn, size=1, name="bench")
        await db.open()
        try:
            yield [
                Subject(
                    f"{name}, {count} users" if count > 1 else f"{name}, one user", server, dialect, who, []
                )
                for name, (server, dialect) in sides.items()
                for count in (size.users, 1)
                for who in [await people(db, f"{name.split()[0]}-{count}", count, size.tasks)]
            ]
        finally:
            await db.close()


async def measure(dsn: str, size: Size) -> str:
    """What is printed. The database is there, migrated, and nobody else's."""
    tally = Tally()
    async with subjects(dsn, size) as found:
        for number in range(size.rounds + 1):
            for one in found:
                figures = await _round(dsn, one, size, tally)
                one.rounds.extend([figures] if number else [])  # the first warms up
    return _report(await postgres(dsn), found, tally)


async def _round(dsn: str, subject: Subject, size: Size, tally: Tally) -> dict[str, float]:
    who = subject.people
    async with connections(subject.server.port, size.lanes) as lanes:
        meter = Meter(
            {"server": [subject.server.pid], "Postgres": await backends(dsn), "load": [os.getpid()]}
        )
        taken = await storm(
            lanes, size.calls, lambda place: Asked(who[place % len(who)], subject.dialect, tally)
        )
        seconds, processor = meter.read()
    spread = {f"p{percent}": percentile(taken, percent) * MILLI for percent in (50, 95, 99)}
    shares = {part: used / len(taken) * MILLI * MILLI for part, used in processor.items()}
    return {**spread, "requests/s": len(taken) / seconds, **shares}


def _report(postgres: str, found: Sequence[Subject], tally: Tally) -> str:
    figures = {one.name: medians(one.rounds) for one in found}
    rows = [[name, *(one[figure] for figure in _FIGURES), one["p95 worst"]] for name, one in figures.items()]
    api, floor = (list(figures.values())[place : place + 2] for place in (0, 2))
    lines = [
        f"{machine()}; {postgres}",
        table(_HEADS, rows),
        *(_ratio(one.name, a, b) for one, a, b in zip(found, api, floor, strict=False)),
        *(verdict(f"p95 of {one.name}", figures[one.name]["p95"], TARGET_MS, "ms") for one in found[:2]),
        f"{tally.done:,} requests carried out, {len(tally.otherwise)} otherwise",
        *tally.otherwise[:5],
    ]
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:])


def _ratio(name: str, api: dict[str, float], floor: dict[str, float]) -> str:
    processor, clock = (api[figure] / floor[figure] for figure in ("server", "p95"))
    return f"{name}: {processor:.1f} times the bare route's processor time, {clock:.1f} times its p95"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    size = _size(arguments)
    with cluster() as server, server.database() as dsn:
        print(uvloop.run(measure(dsn, size)))


def _size(arguments: Sequence[str] | None) -> Size:
    parser = argparse.ArgumentParser(prog="python -m bench.task_agent", description=__doc__)
    parser.add_argument("--lanes", type=int, default=100, help="connections that ask at the same time")
    parser.add_argument("--calls", type=int, default=10, help="requests of each connection in each round")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=50, help="tasks of each user")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    return Size(given.lanes, given.calls, given.users, given.tasks, given.rounds)


if __name__ == "__main__":
    main()
