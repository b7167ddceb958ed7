"""Who works on one database: servers and workers that come and go, and somebody who asks them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from pathlib import Path

import asyncpg

from tests.api import AGENT, START
from tests.client import Client
from tests.processes import SECRET, House, Process, _is_ready, free_port, until

MANY_ATTEMPTS = """
    update executions set max_attempts = 1000
    where id in (select id from executions where max_attempts < 1000 for update skip locked)
"""
"Where runs are lost on purpose, as often as it happens."


class Child(Process):
    """A server or a worker."""

    async def says(self, *words: str) -> int:
        """How often its log holds any of these, once it does."""
        async with asyncio.timeout(60):
            for _ in itertools.count():
                if said := sum(self.output().count(word) for word in words):
                    return said
                await asyncio.sleep(0.02)
        return 0


class Crew(House):
    """A house whose processes come and go."""

    def __init__(self, dsn: str, folder: Path, **settings: str) -> None:
        self.dsn, self._folder = dsn, folder
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BATON_")},
            "BATON_DATA_DIR": str(folder),
            "BATON_JWT_SECRET": SECRET,
            "BATON_LEASE_SECONDS": "1",
            "BATON_POLL_SECONDS": "0.5",
            "BATON_DRAIN_SECONDS": "1",
            **settings,
        }
        self._numbers = itertools.count()
        self.workers: list[Child] = []
        self.servers: list[str] = []
        self.children: list[Child] = []

    def set(self, **settings: str) -> None:
        """Settings of those who come."""
        self._env.update(settings)

    def worker(self, dsn: str | None = None, **settings: str) -> Child:
        """One more worker; `dsn` where it is to reach the database by another road."""
        worker = self._begin("worker", dsn, **settings)
        self.workers.append(worker)
        return worker

    def server(self, port: int | None = None, dsn: str | None = None) -> Child:
        """A server that is ready, its address the last of `servers`; or one that takes a port over."""
        chosen = port or free_port()
        child = self._begin("serve", dsn, BATON_PORT=str(chosen))
        address = f"http://127.0.0.1:{chosen}"
        until(lambda: _is_ready(address) or not child.is_running())
        assert child.is_running(), child.output()
        if port is None:
            self.servers.append(address)
        return child

    def _begin(self, what: str, dsn: str | None, **settings: str) -> Child:
        env = {**self._env, "DATABASE_URL": dsn or self.dsn, **settings}
        child = Child(what, env=env, log=self._folder / f"{what}-{next(self._numbers)}.log")
        self.children.append(child)
        return child

    def said(self, words: str) -> int:
        """How often the logs of all of them hold these words."""
        return sum(child.output().count(words) for child in self.children)

    def confessions(self) -> list[str]:
        """What they said of faults of their own."""
        marks = ("INTERNAL", "is broken", "Traceback", "a round of the worker failed")
        said = [line for child in self.children for line in child.output().splitlines()]
        places = [place for place, line in enumerate(said) if any(mark in line for mark in marks)]
        return ["\n".join(said[place : place + 60]) for place in places]

    def end(self) -> None:
        """Kill everybody."""
        for child in self.children:
            child.send(signal.SIGKILL)
        for child in self.children:
            child.wait()


async def start_run(ada: Client, text: str, **fields: object) -> str:
    """The id of a run that was accepted."""
    answer = await ada.one(START, input={"input": text, **fields})
    assert answer["__typename"] == "StartExecutionSuccess", answer
    return answer["execution"]["id"]


async def fake_agent(ada: Client, name: str, script: object) -> str:
    """The id of an agent whose model follows this script."""
    made = await ada.one(AGENT, input={"name": name, "model": f"fake:{json.dumps(script)}"})
    return made["agent"]["id"]


async def until_over(db: asyncpg.Connection, count: int, seconds: float = 60) -> None:
    """Until so many runs have ended."""
    over = "select count(*), pg_sleep(0.02) from executions where finished_at is not null"
    async with asyncio.timeout(seconds):
        while await db.fetchval(over) < count:
            pass


async def let_leases_run_out(db: asyncpg.Connection) -> None:
    """As if Postgres' clock had gone on, for the leases of first attempts: nobody need wait for them."""
    await db.execute(
        "update executions set lease_until = clock_timestamp() - interval '1 s'"
        " where lease_until is not null and attempt = 1"
    )
