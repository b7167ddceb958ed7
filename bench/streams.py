"""Streams: what a delivery costs beside a floor without GraphQL, how late it is, and what an idle one weighs.

The server is pinned to the first core; Postgres and the load have the rest of the machine. graphql-ws on Node
is measured beside it where `npm ci --prefix bench/peers` was run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import uvloop

from bench.audience import Crowd, Ground, open_ground
from bench.figures import MILLI, machine, table, verdict
from bench.ground import backends, postgres
from bench.lateness import Pace, Rhythm
from bench.processes import BUDGETS, Meter, Served, served, started
from bench.sockets import pin
from db.connection import Database
from events.hub import Hub
from tests.postgres import cluster
from tests.processes import SECRET

_FLOOR = (
    *("uvicorn", "bench.stream_floor:app", "--log-level", "warning", "--no-access-log"),
    *("--ws-per-message-deflate", "false"),
)
_PEERS = Path(__file__).parent / "peers"
_NODE = "graphql-ws on Node"
_TRIED = 1.5
"Seconds for each rate, in the search for the one that saturates."
_TURNS = 5
"In which committers write with hints and without: one pair alone says little on a shared machine."


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each."""

    subscribers: int = 1_000
    events: int = 50
    idle: int = 5_000
    seconds: float = 5
    writers: int = 32


async def _delivered(
    ground: Ground, server: Served, runs: Sequence[UUID], per_run: int, events: int
) -> float:
    """Microseconds of the server's processor for each frame, with so many subscribers of each run."""
    crowd = Crowd(ground, server.port)
    await crowd.join([run for run in runs for _ in range(per_run)])
    await ground.write(runs)
    await crowd.until(lambda: crowd.told >= len(runs) * per_run)
    before, meter = crowd.told, Meter({"server": [server.pid]})
    for number in range(1, events + 1):
        await ground.write(runs)
        due = before + number * len(runs) * per_run
        await crowd.until(lambda due=due: crowd.told >= due)
    _, used = meter.read()
    crowd.leave()
    return used["server"] / (events * len(runs) * per_run) * MILLI * MILLI


async def _late(ground: Ground, server: Served, size: Size) -> tuple[Pace, Pace, Pace]:
    """At the most that is borne, at too much, and at a quarter of the first: a subscriber a run."""
    rhythm = Rhythm(ground, server.port)
    await rhythm.join(await ground.runs(size.subscribers))
    most, too_much = await rhythm.saturation(min(_TRIED, size.seconds))
    quarter = await rhythm.play(most.asked / 4, size.seconds)
    rhythm.leave()
    return most, too_much, quarter


def _memory(pid: int) -> float:
    """Kilobytes that are the process's own."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("Private_Dirty")).split()[1])


@dataclass(frozen=True, slots=True)
class Idle:
    """What very many cost that wait, and that come back."""

    weight: float
    "kB for each, beyond the first fifth."
    beyond: int
    "Connections to Postgres beside the pool."
    storm: float
    "Seconds until all who came back at once, with old cursors, had had what they missed."
    each: float
    "Of the server's processor, in microseconds, to come back."


async def _idle(ground: Ground, server: Served, size: Size) -> Idle:
    few = size.idle // 5
    runs = await ground.runs(size.idle)
    await ground.begin(runs)
    crowd = Crowd(ground, server.port)
    await crowd.join(runs[:few])
    before = _memory(server.pid)
    await crowd.join(runs[few:])
    weight = (_memory(server.pid) - before) / (size.idle - few)
    names = [row["name"] for row in await _ask(ground.dsn, _CONNECTIONS)]
    crowd.leave()
    for start in range(0, len(runs), 500):
        await ground.write(runs[start : start + 500])
    return Idle(weight, _beyond(names), *await _storm(ground, server, runs))


async def _storm(ground: Ground, server: Served, runs: Sequence[UUID]) -> tuple[float, float]:
    crowd = Crowd(ground, server.port)
    cursors = await ground.cursors(runs, 1)
    meter = Meter({"server": [server.pid]})
    await crowd.join(runs, cursors)
    await crowd.until(lambda: crowd.told >= len(runs))
    seconds, used = meter.read()
    crowd.leave()
    return seconds, used["server"] / len(runs) * MILLI * MILLI


async def _commits(ground: Ground, hub: Hub | None, size: Size, delay: int) -> float:
    """Commits a second of so many writers, each to a run of its own."""
    db = Database(ground.dsn, size=size.writers, name="bench writers")
    await db.open()
    await _ask(ground.dsn, f"alter database {await _name(ground.dsn)} set commit_delay = {delay}")
    if hub is not None:
        db.on_commit = hub.publish
    writer = Ground(ground.dsn, db, ground.user_id, ground.token)
    runs, count = await ground.runs(size.writers), 0
    end = time.perf_counter() + size.seconds

    async def write(run: UUID) -> None:
        nonlocal count
        while time.perf_counter() < end:
            await writer.write([run])
            count += 1

    await asyncio.gather(*map(write, runs))
    await db.close()
    return max(count, 1) / size.seconds


_CONNECTIONS = """
    select application_name as name from pg_stat_activity
    where datname = current_database() and application_name like 'baton api%'
"""


async def _name(dsn: str) -> str:
    return (await _ask(dsn, "select quote_ident(current_database()) as name"))[0]["name"]


async def _ask(dsn: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def measure(dsn: str, size: Size) -> str:
    """What is printed. The database is there, migrated, and nobody else's."""
    many = str(4 * max(size.idle, size.subscribers))
    env = {
        "DATABASE_URL": dsn,
        "BATON_JWT_SECRET": SECRET,
        "BATON_MAX_SOCKETS_PER_USER": many,
        "BATON_MAX_STREAMS_PER_USER": many,
        **BUDGETS,
    }
    async with open_ground(dsn) as (own, hub):
        with served("cli", "serve", env=env) as api, served(*_FLOOR, env=env) as floor:
            pin(api.pid, 0)
            pin(floor.pid, 0)
            with _peer(env) as peer:
                costs = await _costs(own, {"API": api, "floor": floor, **peer}, size)
            most, too_much, quarter = await _late(own, api, size)
            idle = await _idle(own, api, size)
        writing = [await _kept(own, hub, size, delay) for delay in (0, 2_000)]
    return "\n".join(
        [
            f"{machine()}; {await postgres(dsn)}\n",
            table(["server µs for each frame", *costs], _rows(costs, size)),
            "",
            *_compared(costs),
            f"borne: {most}",
            f"too much: {too_much}",
            f"a quarter: {quarter}",
            verdict("commit to frame, p50", quarter.percentile(50), 3, "ms"),
            verdict("commit to frame, p99", quarter.percentile(99), 25, "ms"),
            verdict(f"an idle subscription of {size.idle:,}", idle.weight, 35, "kB"),
            verdict(f"{size.idle:,} come back with replay", idle.storm, 10, "s"),
            f"processor time of the server for each that comes back: {idle.each:,.0f} µs",
            verdict("connections to Postgres beyond the pool", idle.beyond, 2, ""),
            *(
                f"commits with hints, commit_delay {delay}: {kept:.2f} of those without, target at least 0.85"
                for delay, kept in zip((0, 2_000), writing, strict=True)
            ),
        ]
    )


Costs: TypeAlias = dict[str, list[float]]
"""By server: with all subscribers on one run, and with a run each."""


@contextmanager
def _peer(env: dict[str, str]) -> Generator[dict[str, Served], None, None]:
    """Where it is installed."""
    if not (_PEERS / "node_modules" / "graphql-ws").is_dir():
        yield {}
        return
    command = ["node", str(_PEERS / "graphql_ws.mjs")]
    with started(command, env={**env, "NODE_ENV": "production"}) as peer:
        pin(peer.pid, 0)
        yield {_NODE: peer}


async def _costs(ground: Ground, servers: dict[str, Served], size: Size) -> Costs:
    costs: Costs = {name: [] for name in servers}
    for count, each in ((1, size.subscribers), (size.subscribers, 1)):
        for name, server in servers.items():
            cost = await _delivered(ground, server, await ground.runs(count), each, size.events)
            costs[name].append(cost)
    return costs


def _rows(costs: Costs, size: Size) -> list[list[Any]]:
    names = (f"{size.subscribers:,} subscribers of one run", f"{size.subscribers:,} subscribers, a run each")
    return [[name, *figures] for name, *figures in zip(names, *costs.values(), strict=True)]


def _compared(costs: Costs) -> list[str]:
    (hot, each), floor = costs["API"], costs["floor"]
    lines = [
        verdict("hot fan-out, times the floor", hot / floor[0], 1.3, "x"),
        verdict("a run each, times the floor", each / floor[1], 1.5, "x"),
    ]
    if _NODE in costs:
        lines.append(verdict(f"a run each, times {_NODE}", each / costs[_NODE][1], 1, "x"))
    return lines


async def _kept(ground: Ground, hub: Hub, size: Size, delay: int) -> float:
    """The share of the rate that is left where every commit is hinted: the median of several turns."""
    await backends(ground.dsn)
    brief = replace(size, seconds=size.seconds / _TURNS)
    shares: list[float] = []
    for _ in range(_TURNS):
        without = await _commits(ground, None, brief, delay)
        shares.append(await _commits(ground, hub, brief, delay) / without)
    return median(shares)


def _beyond(names: Sequence[str]) -> int:
    return len([name for name in names if name != "baton api"])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    size = _size(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if (os.cpu_count() or 1) > 1:
        pin(os.getpid(), 1)
    with cluster() as server, server.database() as dsn:
        print(uvloop.run(measure(dsn, size)))


def _size(arguments: Sequence[str] | None) -> Size:
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=50, help="of each run")
    parser.add_argument(
        "--idle", type=int, default=5_000, help="subscriptions that wait, and come back at once"
    )
    parser.add_argument("--seconds", type=float, default=5, help="of each of the other measurements")
    parser.add_argument("--writers", type=int, default=32)
    given = parser.parse_args(arguments)
    return Size(given.subscribers, given.events, given.idle, given.seconds, given.writers)


if __name__ == "__main__":
    main()
