"""The edge beside a bare route with the same statements and beside others: `python -m bench.edge`.

In one run, the server that is asked has core 0 for itself; Postgres and this process share core 1. Each
figure is the server's processor time for one request. Peers that run on Node are installed by
`npm ci --prefix bench/peers`, with a Node of their own (PostGraphile 5 needs Node 22), and left out where
they are not there.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import orjson
import uvloop

from bench.figures import MILLI, machine, medians, table
from bench.ground import Person, backends, people, postgres
from bench.load import connections, post, storm
from bench.processes import Meter, Served, served, started
from db.connection import Database
from db.query import Query
from tests.postgres import cluster
from tests.processes import SECRET

PEERS = Path(__file__).parent / "peers"
_TASK = "id number title description priority dueAt completed completedAt version createdAt updatedAt"
_LIST = (
    f"query ($first: Int!) {{ tasks(first: $first) {{ nodes {{ {_TASK} }} pageInfo {{ hasNextPage }} }} }}"
)
_NESTED = """query ($first: Int!) {
  tasks(first: $first, orderBy: {field: CREATED_AT, direction: ASC}) {
    nodes { id title executions(first: 5) { nodes {
      id status input steps(first: 5) { nodes { id number kind text } }
    } } }
  }
}"""
SINGLE = f"query ($number: Int!) {{ task(by: {{number: $number}}) {{ {_TASK} }} }}"
_SINGLE_FLAT = f"query ($number: Int!) {{ task(number: $number) {{ {_TASK} }} }}"
_CREATE = f"""mutation ($title: String!) {{
  createTask(input: {{title: $title}}) {{ ... on CreateTaskSuccess {{ task {{ {_TASK} }} }} }}
}}"""
_CREATE_FLAT = f"mutation ($title: String!) {{ createTask(title: $title) {{ {_TASK} }} }}"
_PG_LIST = f"""query ($user: UUID!, $first: Int!) {{
  allTasks(condition: {{userId: $user}}, orderBy: CREATED_AT_DESC, first: $first) {{
    nodes {{ {_TASK.replace(" completed ", " ")} }} pageInfo {{ hasNextPage }}
  }}
}}"""
_PG_SINGLE = f"""query ($user: UUID!, $number: Int!) {{
  taskByUserIdAndNumber(userId: $user, number: $number) {{ {_TASK.replace(" completed ", " ")} }}
}}"""

Ask: TypeAlias = Callable[[Person], bytes]
_FIRST, _NESTED_FIRST = 50, 10
_VALUES = {
    "list": {"first": _FIRST},
    "nested": {"first": _NESTED_FIRST},
    "single": {"number": 7},
    "create": {"title": "Buy milk"},
}
_HEADS = ("server µs", "of the bare route's speed", "Postgres µs", "requests/s")
TARGETS = {"list": 0.8, "create": 0.5}
"Of the bare route's speed, by processor time."
_UVICORN = ("--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log")
# What has to be there before a document is planned, a statement is prepared, and Node has compiled.
_WARM = 40


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked."""

    lanes: int
    calls: int
    "Of each lane in each round."
    users: int
    rounds: int
    peers: bool = True


@dataclass(slots=True)
class Subject:
    """One server, and how it is asked for each thing."""

    name: str
    server: Served
    asks: dict[str, Ask]
    rounds: dict[str, list[dict[str, float]]] = field(default_factory=dict[str, list[dict[str, float]]])


class Call:
    """One request; a `bench.load.Call`."""

    def __init__(self, request: bytes) -> None:
        self.request = request

    def answered(self, body: bytes) -> None:
        """An answer with errors is no answer."""
        assert b'"errors"' not in body[:2_000], body[:2_000]


def _graphql(document: str, values: dict[str, object]) -> Ask:
    def ask(person: Person) -> bytes:
        body = {"query": document, "variables": values}
        return post("/graphql", orjson.dumps(body), person.token)

    return ask


def _by_user(document: str, values: dict[str, object], path: str = "/graphql") -> Ask:
    """To those who know no tokens."""

    def ask(person: Person) -> bytes:
        body = orjson.dumps({"query": document, "variables": {**values, "user": str(person.id)}})
        return post(path, body, headers={"x-user": str(person.id)})

    return ask


def _bare(name: str) -> Ask:
    return lambda person: post(f"/{name}", orjson.dumps({"user": str(person.id), **_VALUES[name]}))


@contextmanager
def subjects(dsn: str, peers: bool) -> Generator[list[Subject], None, None]:
    """Ours and the bare route; with `peers` every server that can run here."""
    env = {"DATABASE_URL": dsn, "BATON_JWT_SECRET": SECRET, "BATON_COST_PER_MINUTE": "2000000000"}
    free = {**env, "BATON_COST_PER_MINUTE": "0"}
    ours = {"list": _LIST, "nested": _NESTED, "single": SINGLE, "create": _CREATE}
    flat = {"list": _LIST, "single": _SINGLE_FLAT, "create": _CREATE_FLAT}
    usual = _asked(flat, _by_user)
    graphile = _asked({"list": _PG_LIST, "single": _PG_SINGLE}, _by_user)
    with ExitStack() as stack:
        enter = stack.enter_context
        found = [
            Subject("Baton", enter(served("cli", "serve", env=env)), _asked(ours, _graphql)),
            Subject("bare route", enter(_python("bench.edge_floor:app", env)), {n: _bare(n) for n in ours}),
            Subject("Baton, no budgets", enter(served("cli", "serve", env=free)), _asked(ours, _graphql)),
        ]
        if peers:
            plain = enter(_python("bench.edge_plain:app", env))
            found.append(Subject("Strawberry, SQLAlchemy", plain, usual))
        if peers and (PEERS / "node_modules").is_dir():
            found.append(Subject("Mercurius, JIT", enter(_node("mercurius.mjs", env)), usual))
            found.append(Subject("PostGraphile 5", enter(_node("postgraphile.mjs", env)), graphile))
        yield found


def _asked(documents: dict[str, str], how: Callable[[str, dict[str, object]], Ask]) -> dict[str, Ask]:
    return {name: how(document, dict(_VALUES[name])) for name, document in documents.items()}


def _python(app: str, env: dict[str, str]) -> AbstractContextManager[Served]:
    return served("uvicorn", app, *_UVICORN, env=env)


def _node(script: str, env: dict[str, str]) -> AbstractContextManager[Served]:
    node = str(PEERS / "node_modules" / ".bin" / "node")
    return started([node, str(PEERS / script)], env={**env, "NODE_ENV": "production"})


async def measure(dsn: str, size: Size) -> str:
    """What is printed. The database is there, migrated, and nobody else's."""
    db = Database(dsn, size=1, name="bench")
    await db.open()
    who = await people(db, "edge", size.users, 60)
    await _give_runs(db, who)
    await db.close()
    with subjects(dsn, size.peers) as found:
        _pin([os.getpid()], 1)
        _pin([one.server.pid for one in found], 0)
        for number in range(size.rounds + 1):
            for one in found:
                for name in one.asks:
                    figures = await _round(dsn, one, name, who, size)
                    one.rounds.setdefault(name, []).extend([figures] if number else [])  # the first warms up
    return _report(await postgres(dsn), found)


async def _round(dsn: str, subject: Subject, name: str, who: list[Person], size: Size) -> dict[str, float]:
    requests = [subject.asks[name](person) for person in who]
    async with connections(subject.server.port, size.lanes) as lanes:
        await storm(lanes, max(1, _WARM // size.lanes), lambda place: Call(requests[place % len(requests)]))
        pids = await backends(dsn)
        _pin(pids, 1)
        meter = Meter({"server": [subject.server.pid], "Postgres": pids})
        taken = await storm(lanes, size.calls, lambda place: Call(requests[place % len(requests)]))
        seconds, processor = meter.read()
    shares = {part: used / len(taken) * MILLI * MILLI for part, used in processor.items()}
    return {"requests/s": len(taken) / seconds, **shares}


async def _give_runs(db: Database, who: list[Person]) -> None:
    """Two runs for each task, with three steps each."""
    for person in who:
        async with db.as_user(person.id) as session:
            await session.run(_RUNS, user=person.id)
            await session.run(_STEPS, user=person.id)


_RUNS = Query("""
    insert into executions (id, user_id, task_id, input, last_seq)
    select gen_random_uuid(), user_id, id, 'Say what is to be done first', 9
    from tasks, generate_series(1, 2) where user_id = :user
""")
_STEPS = Query("""
    insert into steps (id, execution_id, user_id, number, kind, text, attempt, started_at, started_seq)
    select gen_random_uuid(), id, user_id, number, 'THINKING', 'First things first', 1, now(), 1
    from executions, generate_series(1, 3) as number where user_id = :user
""")


def _pin(pids: Sequence[int], core: int) -> None:
    """Where the system and our rights allow it."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        return
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.sched_setaffinity(pid, {core})


def _report(postgres: str, found: Sequence[Subject]) -> str:
    floor = next(one for one in found if one.name == "bare route")
    lines = [f"{machine()}; {postgres}"]
    for name in _VALUES:
        bare = medians(floor.rounds[name])["server"]
        rows = [[one.name, *_figures(one, name, bare)] for one in found if name in one.asks]
        lines.append(
            table((name, "server µs", "of the bare route's speed", "Postgres µs", "requests/s"), rows)
        )
    ours = found[0]
    lines.append("\n".join(_verdict(ours, floor, name, least) for name, least in TARGETS.items()))
    return "\n\n".join(lines)


def _figures(subject: Subject, name: str, bare: float) -> list[object]:
    one = medians(subject.rounds[name])
    return [one["server"], _ratio(bare, one["server"]), one["Postgres"], one["requests/s"]]


def _verdict(ours: Subject, floor: Subject, name: str, least: float) -> str:
    ratio = _ratio(medians(floor.rounds[name])["server"], medians(ours.rounds[name])["server"])
    told = "held" if ratio >= least else "MISSED"
    return f"{name}: {ratio:.2f} of the bare route's speed, target at least {least:g}: {told}"


def _ratio(bare: float, other: float) -> float:
    """NaN where so little was asked that the system's clock did not tick."""
    return bare / other if other else math.nan


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    size = _size(arguments)
    with cluster() as server, server.database() as dsn:
        print(uvloop.run(measure(dsn, size)))


def _size(arguments: Sequence[str] | None) -> Size:
    parser = argparse.ArgumentParser(prog="python -m bench.edge", description=__doc__)
    parser.add_argument("--lanes", type=int, default=16, help="connections that ask at the same time")
    parser.add_argument("--calls", type=int, default=60, help="requests of each connection in each round")
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="only ours and the bare route")
    given = parser.parse_args(arguments)
    return Size(given.lanes, given.calls, given.users, given.rounds, given.peers)


if __name__ == "__main__":
    main()
