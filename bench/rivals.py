"""PgQueuer and Procrastinate, with jobs of the shape of our runs, in an environment of their own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench.processes import running
from tests.processes import ROOT

RIVALS = {"PgQueuer 1.6": "pgqueuer_jobs.py", "Procrastinate 3.10": "procrastinate_jobs.py"}
_VENV = ROOT / ".baton" / "peers"
_DRAINED = 300.0
_LOOK = 0.25


def environment() -> Path:
    """The Python that has them, made on demand from the hashed lock."""
    subprocess.run([sys.executable, "requirements/install.py", str(_VENV), "peers"], cwd=ROOT, check=True)
    return _VENV / "bin" / "python"


class Rival:
    """One of them, on a database of its own."""

    def __init__(self, python: Path, name: str, dsn: str) -> None:
        self._command = (str(python), str(ROOT / "bench" / "peers" / RIVALS[name]))
        self.name, self._dsn = name, dsn
        self._jobs = 0
        self._ask("prepare")

    async def drain(self, jobs: int, steps: int, slots: int) -> tuple[float, float]:
        """Jobs and steps per second, from the first job's begin to the last one's last step."""
        first = self._enqueue(jobs, steps)
        with self._working(slots):
            await self._until(first, jobs * steps)
        row = await self._one(
            "select max(at) - to_timestamp(min(began)) as taken from bench_steps where job >= $1", first
        )
        seconds = row["taken"].total_seconds()
        return jobs / seconds, jobs * steps / seconds

    async def pick_up(self, jobs: int, every: float, slots: int) -> list[float]:
        """Seconds from the commit of each job to its begin, on a worker that has nothing else to do."""
        with self._working(slots):
            warm = self._enqueue(1, 1)
            await self._until(warm, 1)
            first = self._jobs
            committed = await asyncio.to_thread(self._ask, "enqueue", *self._numbers(jobs, 1, every))
            await self._until(first, jobs)
        rows = await self._all("select job, began from bench_steps where job >= $1 order by job", first)
        return [row["began"] - at for row, at in zip(rows, json.loads(committed), strict=True)]

    def _enqueue(self, jobs: int, steps: int) -> int:
        first = self._jobs
        self._ask("enqueue", *self._numbers(jobs, steps, 0.0))
        return first

    def _numbers(self, jobs: int, steps: int, every: float) -> list[str]:
        first, self._jobs = self._jobs, self._jobs + jobs
        given = {"--jobs": jobs, "--steps": steps, "--every": every, "--first": first}
        return [str(part) for pair in given.items() for part in pair]

    def _ask(self, *arguments: str) -> str:
        command = [*self._command, *arguments, "--dsn", self._dsn]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    @contextmanager
    def _working(self, slots: int) -> Generator[None, None, None]:
        with running(*self._command, "work", "--slots", str(slots), "--dsn", self._dsn):
            yield

    async def _until(self, first: int, steps: int) -> None:
        async with asyncio.timeout(_DRAINED):
            while (await self._one("select count(*) as n from bench_steps where job >= $1", first))[
                "n"
            ] < steps:
                await asyncio.sleep(_LOOK)

    async def _one(self, statement: str, *values: object) -> asyncpg.Record:
        return (await self._all(statement, *values))[0]

    async def _all(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._dsn)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()
