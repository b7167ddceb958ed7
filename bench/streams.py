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
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import uvloop

from auth import Tokens
from bench.figures import MILLI, machine, percentile, table, verdict
from bench.ground import backends, postgres
from bench.processes import Meter, Served, served, started
from bench.sockets import Subscriber, pin, subscribe
from db.connection import Database, Session
from db.query import Query
from engine.log import append
from events.hub import Hub, open_hub
from events.kinds import StepFacts, StepFinished
from ids import Kind, encode, new_id
from resolvers.users import ensure_user
from settings import Settings
from tests.postgres import cluster
from tests.processes import SECRET

DOCUMENT = """
subscription ($id: ID!, $after: String) {
  executionStream(id: $id, after: $after) {
    __typename
    ... on Resumable { cursor }
    ... on EventBatch {
      continuesFrom
      events { __typename seq ... on StepFinished { step { number status toolName text } } }
    }
    ... on StreamClosed { reason }
  }
}"""
_FLOOR = (
    *("uvicorn", "bench.stream_floor:app", "--log-level", "warning", "--no-access-log"),
    *("--ws-per-message-deflate", "false"),
)
_PEERS = Path(__file__).parent / "peers"
_NODE = "graphql-ws on Node"
_NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
_BATCH = b'"EventBatch"'
_INSERT = Query(
    """
    insert into executions (id, user_id, input, status, lease_owner, lease_until, attempt)
    select unnest(cast(:ids as uuid[])), :user_id, 'bench', 'RUNNING', 'bench', now() + interval '1 day', 1
    """
)
_ADVANCE = Query("update executions set last_seq = last_seq + 1 where id = :id returning last_seq")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each."""

    subscribers: int = 1_000
    events: int = 50
    idle: int = 5_000
    seconds: float = 5
    writers: int = 32


@dataclass
class Ground:
    """A user with runs, and a pen that writes to their logs and hints as a worker does."""

    dsn: str
    db: Database
    user_id: UUID
    token: str

    async def runs(self, count: int) -> list[UUID]:
        """So many runs that somebody holds."""
        ids = [new_id() for _ in range(count)]
        async with self.db.as_system() as session:
            await session.run(_INSERT, ids=ids, user_id=self.user_id)
        return ids

    async def write(self, runs: Sequence[UUID]) -> None:
        """One event to each, in one transaction."""
        async with self.db.as_system() as session:
            for run in runs:
                await self._finish(session, run)

    async def _finish(self, session: Session, run: UUID) -> None:
        seq = (await session.one(_ADVANCE, id=run))["last_seq"]
        step = StepFacts(
            id=run,
            execution_id=run,
            number=seq,
            kind="TOOL_CALL",
            status="COMPLETED",
            tool_name="add_task",
            input={"title": "Call the dentist"},
            text="The task was added to the list.",
            attempt=1,
            started_at=_NOON,
            finished_at=_NOON,
        )
        await append(session, run, self.user_id, seq, [StepFinished(execution_id=run, step=step)])


class Crowd:
    """Subscribers of runs, and how many frames of events they have been told."""

    def __init__(self, ground: Ground, port: int) -> None:
        self._ground, self._port = ground, port
        self.opened = self.told = 0
        self.late: list[float] = []
        self.since = 0.0
        self._wanted: tuple[Callable[[], bool], asyncio.Event] | None = None
        self.subscribers: list[Subscriber] = []

    async def join(self, runs: Sequence[UUID], after: str | None = None) -> None:
        """One more subscriber for each run; here once all have been opened."""
        due = self.opened + len(runs)
        for start in range(0, len(runs), 100):
            some = [self._subscribe(run, after) for run in runs[start : start + 100]]
            self.subscribers += await asyncio.gather(*some)
        await self.until(lambda: self.opened >= due)

    async def _subscribe(self, run: UUID, after: str | None) -> Subscriber:
        variables = {"id": encode(Kind.EXECUTION, run), "after": after, "user": str(self._ground.user_id)}
        payload = {"query": DOCUMENT, "variables": variables}
        return await subscribe(self._port, self._ground.token, payload, self._hear)

    def _hear(self, frame: bytes) -> None:
        if _BATCH in frame:
            self.told += 1
            self.late.append(time.perf_counter() - self.since)
        elif b'"next"' in frame:
            self.opened += 1
        elif b'"error"' in frame:
            raise AssertionError(frame)
        if self._wanted is not None and self._wanted[0]():
            self._wanted[1].set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until frames have made it true."""
        if not condition():
            self._wanted = (condition, asyncio.Event())
            async with asyncio.timeout(120):
                await self._wanted[1].wait()
        self._wanted = None

    def leave(self) -> None:
        """Hang up, all of them."""
        for one in self.subscribers:
            one.transport.abort()


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


async def _latencies(
    ground: Ground, server: Served, runs: Sequence[UUID], seconds: float, rate: float
) -> list[float]:
    """Seconds from the commit of an event to its frame: a subscriber a run, so many events a second."""
    crowd = Crowd(ground, server.port)
    await crowd.join(runs)
    end, place = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        due = crowd.told + 1
        await ground.write([runs[place % len(runs)]])
        crowd.since = time.perf_counter()
        await crowd.until(lambda due=due: crowd.told >= due)
        place += 1
        await asyncio.sleep(1 / rate)
    crowd.leave()
    return crowd.late


def _memory(pid: int) -> float:
    """Kilobytes that are the process's own."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("Private_Dirty")).split()[1])


async def _idle(ground: Ground, server: Served, size: Size) -> tuple[float, float, list[str]]:
    """kB for each idle subscription beyond the first fifth; seconds of a storm of all; connections."""
    few = size.idle // 5
    runs = await ground.runs(size.idle)
    crowd = Crowd(ground, server.port)
    await crowd.join(runs[:few])
    before = _memory(server.pid)
    await crowd.join(runs[few:])
    weight = (_memory(server.pid) - before) / (size.idle - few)
    names = [row["name"] for row in await _ask(ground.dsn, _CONNECTIONS)]
    for _ in range(2):
        for start in range(0, len(runs), 500):
            await ground.write(runs[start : start + 500])
    crowd.leave()
    return weight, await _storm(ground, server, runs), names


async def _storm(ground: Ground, server: Served, runs: Sequence[UUID]) -> float:
    """Seconds until all who come back at once have had what they missed."""
    crowd = Crowd(ground, server.port)
    began = time.perf_counter()
    await crowd.join(runs)
    await crowd.until(lambda: crowd.told >= len(runs))
    seconds = time.perf_counter() - began
    crowd.leave()
    return seconds


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


@asynccontextmanager
async def _ground(dsn: str) -> AsyncGenerator[tuple[Ground, Hub], None]:
    async with AsyncExitStack() as stack:
        db = Database(dsn, size=4, name="bench")
        await db.open()
        stack.push_async_callback(db.close)
        hub = await stack.enter_async_context(open_hub(dsn, "bench"))
        db.on_commit = hub.publish
        user = await ensure_user(db, "bench@example.com")
        token, _ = Tokens(Settings(), SECRET.encode()).issue(user.id, seconds=86_400)
        yield Ground(dsn, db, user.id, token), hub


async def measure(dsn: str, size: Size) -> str:
    """What is printed. The database is there, migrated, and nobody else's."""
    many = str(4 * max(size.idle, size.subscribers))
    env = {
        "DATABASE_URL": dsn,
        "BATON_JWT_SECRET": SECRET,
        "BATON_MAX_SOCKETS_PER_USER": many,
        "BATON_MAX_STREAMS_PER_USER": many,
    }
    async with _ground(dsn) as (ground, hub):
        with served("cli", "serve", env=env) as api, served(*_FLOOR, env=env) as floor:
            pin(api.pid, 0)
            pin(floor.pid, 0)
            with _peer(env) as peer:
                costs = await _costs(ground, {"API": api, "floor": floor, **peer}, size)
            one = await ground.runs(size.subscribers)
            late = await _latencies(ground, api, one, size.seconds, rate=100)
            weight, storm, names = await _idle(ground, api, size)
        writing = [await _kept(ground, hub, size, delay) for delay in (0, 2_000)]
    return "\n".join(
        [
            f"{machine()}; {await postgres(dsn)}\n",
            table(["server µs for each frame", *costs], _rows(costs, size)),
            "",
            *_compared(costs),
            verdict("commit to frame, p50", percentile(late, 50) * MILLI, 3, "ms"),
            verdict("commit to frame, p99", percentile(late, 99) * MILLI, 25, "ms"),
            verdict(f"an idle subscription of {size.idle:,}", weight, 35, "kB"),
            verdict(f"{size.idle:,} come back with replay", storm, 10, "s"),
            verdict("connections to Postgres beyond the pool", _beyond(names), 2, ""),
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
    """The share of the rate that is left where every commit is hinted."""
    await backends(ground.dsn)
    without = await _commits(ground, None, size, delay)
    return await _commits(ground, hub, size, delay) / without


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
