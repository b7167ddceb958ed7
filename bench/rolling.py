"""Three servers and three workers behind a proxy, under mixed load, all replaced in the middle:
`python -m bench.rolling`.

People make tasks, list them, start runs and watch these to their ends; each has a stream open all the time.
A request whose connection breaks is asked again with its idempotency key, a stream is opened again with its
cursor: that is all that clients do.
At the end the rows are judged (`tests.faults.oracle`): nothing may be lost, nothing doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import uvloop

from bench.figures import MILLI, machine, percentile, table
from bench.fleet import Fleet, fleet
from bench.ground import postgres
from ids import Kind, decode
from tests.api import CREATE, START
from tests.client import Client
from tests.faults.crew import until_over
from tests.faults.oracle import Account, examine
from tests.faults.watcher import Watcher
from tests.postgres import cluster

_LIST = "{ tasks(first: 50) { totalCount nodes { id title completed } } }"
_RUN = "Add a task to buy milk, then add a task to call mom"


@dataclass(frozen=True)
class Size:
    """How much load for how long. Each lane asks again `pause` seconds after its answer."""

    seconds: float = 120
    people: int = 6
    pause: float = 0.05
    settings: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Notes:
    """What the load has seen."""

    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    "Of each kind of request, from the first try to the answer."
    asked_again: Counter[str] = field(default_factory=Counter[str])
    "Requests whose connection broke, or that were UNAVAILABLE."
    refused: Counter[str] = field(default_factory=Counter[str])
    "Any other answer than the one that was due."
    runs: list[str] = field(default_factory=list[str])
    titles: Counter[str] = field(default_factory=Counter[str])
    "Of the tasks that were made by mutations."
    watchers: list[Watcher] = field(default_factory=list[Watcher])


class Person:
    """One user: a lane each for making tasks, for listing them, and for runs; and one run from end to end."""

    def __init__(self, client: Client, token: str, address: str, notes: Notes, name: str) -> None:
        self._client, self._token, self._address = client, token, address
        self._notes, self._name = notes, name
        self._numbers = count()

    async def live(self, until: float, pause: float) -> None:
        """Until that time, and until everything that was begun is over."""
        lanes = (self._make, self._list, self._start)
        working = (self._repeat(lane, until, pause) for lane in lanes)
        await asyncio.gather(self._wait_long(until - time.monotonic()), *working)

    async def _repeat(self, lane: Callable[[], Awaitable[None]], until: float, pause: float) -> None:
        while time.monotonic() < until:
            await lane()
            await asyncio.sleep(pause)

    async def _make(self) -> None:
        title = f"Task {next(self._numbers)} of {self._name}"
        made = await self._ask("createTask", CREATE, input={"title": title, "idempotencyKey": title})
        self._notes.titles[title] += self._expect(made, "CreateTaskSuccess")

    async def _list(self) -> None:
        await self._ask("tasks", _LIST)

    async def _wait_long(self, seconds: float) -> None:
        """A stream that is open all the time: that of a run which begins at the end."""
        begins = datetime.now(UTC) + timedelta(seconds=seconds)
        await self._start(startAt=begins.isoformat())

    async def _start(self, **fields: str) -> None:
        new = {"input": _RUN, "idempotencyKey": f"run {next(self._numbers)} of {self._name}", **fields}
        answer = await self._ask("startExecution", START, input=new)
        if self._expect(answer, "StartExecutionSuccess"):
            run = answer["execution"]["id"]
            self._notes.runs.append(run)
            watcher = Watcher(lambda: self._address, self._token, run, silence=20)
            self._notes.watchers.append(await watcher.watch())

    def _expect(self, answer: dict[str, Any], kind: str) -> bool:
        if answer["__typename"] != kind:
            self._notes.refused[str(answer)[:200]] += 1
        return answer["__typename"] == kind

    async def _ask(self, name: str, document: str, **variables: Any) -> dict[str, Any]:
        """The value of the only field, whatever the road did meanwhile."""
        began = time.perf_counter()
        while (value := await self._try(name, document, variables)) is None:
            self._notes.asked_again[name] += 1
            await asyncio.sleep(0.02)
        self._notes.seconds.setdefault(name, []).append(time.perf_counter() - began)
        return value

    async def _try(self, name: str, document: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        try:
            answer = (await self._client.post(document, **variables)).json()
        except httpx2.TransportError:
            return None
        for error in answer.get("errors", ()):
            if error["extensions"]["code"] == "UNAVAILABLE":
                return None
            self._notes.refused[f"{name}: {error}"] += 1
        (value,) = (answer.get("data") or {name: {"__typename": "nothing"}}).values()
        return value


async def measure(dsn: str, size: Size) -> str:
    """What is printed. The database is there, migrated, and nobody else's."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, fleet(dsn, Path(folder), **_settings(size)) as (crew, road):
        for _ in range(3):
            await crew.add_server()
            crew.add_worker()
        notes = await _load(crew, f"http://127.0.0.1:{road.port}", size)
        account = await _judge(dsn, notes)
        faults = crew.crew.confessions()
    head = f"{machine()}; {await postgres(dsn)}; {time.perf_counter() - began:.0f} s\n"
    return "\n".join([head, *_told(notes, crew, account, faults)])


def _settings(size: Size) -> dict[str, str]:
    """As they are by default, where `size` says nothing; nobody is out of budget."""
    plain = {"BATON_LEASE_SECONDS": "12", "BATON_POLL_SECONDS": "2", "BATON_DRAIN_SECONDS": "10"}
    return plain | {"BATON_COST_PER_MINUTE": "0"} | size.settings


async def _load(crew: Fleet, address: str, size: Size) -> Notes:
    notes = Notes()
    until = time.monotonic() + size.seconds
    async with httpx2.AsyncClient(base_url=address, timeout=30) as http:
        people = [await _person(crew, http, address, notes, n) for n in range(size.people)]
        living = asyncio.gather(*(one.live(until, size.pause) for one in people))
        await asyncio.sleep(size.seconds / 3)
        await crew.replace_all()
        await living
    return notes


async def _person(crew: Fleet, http: httpx2.AsyncClient, address: str, notes: Notes, number: int) -> Person:
    name = f"person{number}@example.com"
    token = await asyncio.to_thread(crew.crew.token, name)
    return Person(Client(http, token), token, address, notes, name)


async def _judge(dsn: str, notes: Notes) -> Account:
    db = await asyncpg.connect(dsn)
    try:
        await until_over(db, len(notes.runs))
        return await examine(db, [decode(Kind.EXECUTION, run) for run in notes.runs], notes.titles)
    finally:
        await db.close()


def _told(notes: Notes, crew: Fleet, account: Account, faults: list[str]) -> list[str]:
    rows = [
        (name, len(took), notes.asked_again[name], *(percentile(took, p) * MILLI for p in (50, 99, 100)))
        for name, took in notes.seconds.items()
    ]
    frames = sum((one.frames for one in notes.watchers), Counter[str]())
    comings = sum(one.visits - 1 for one in notes.watchers)
    finished = sum(one.status == "COMPLETED" for one in notes.watchers)
    going = "; ".join(f"{len(took)} {kind}s in up to {max(took):.1f} s" for kind, took in crew.going.items())
    return [
        table(["request", "answered", "asked again", "p50 ms", "p99 ms", "longest ms"], rows),
        "",
        f"replaced: {going}",
        f"{account.runs} runs: {dict(account.statuses)}, {account.resumed} of them in several attempts",
        f"{finished} of {len(notes.runs)} watched to their end, {sum(frames.values()):,} frames,"
        f" {comings or 'none'} of the streams opened again",
        f"refused: {sum(notes.refused.values())} {dict(notes.refused) or ''}",
        f"faults in the logs: {len(faults)} {faults or ''}",
        f"lost or doubled: {len(account.violations)} {account.violations or ''}",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    plain = Size()
    parser = argparse.ArgumentParser(prog="python -m bench.rolling", description=__doc__)
    parser.add_argument("--seconds", type=float, default=plain.seconds)
    parser.add_argument("--people", type=int, default=plain.people, help="three lanes each")
    parser.add_argument("--pause", type=float, default=plain.pause, help="seconds between answer and request")
    given = parser.parse_args(arguments)
    with cluster() as server, server.database() as dsn:
        print(uvloop.run(measure(dsn, Size(given.seconds, given.people, given.pause))))


if __name__ == "__main__":
    main()
