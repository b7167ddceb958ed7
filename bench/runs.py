"""Runs of our own: real workers as processes, carrying sentences that the built-in model plans by itself."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bench.figures import MICRO
from bench.ground import backends
from bench.processes import Meter, running
from db.query import Query
from engine.commands.agents import create_agent
from engine.commands.blueprints import Offer
from engine.commands.executions import NewExecution, start_execution
from resolvers.services import Services, open_services
from resolvers.users import ensure_user
from settings import Settings
from tests.processes import SECRET


@dataclass(frozen=True, slots=True)
class Work:
    """What runs are given to do."""

    text: str
    for_agent: bool = False
    "By the agent with a scripted model that each user has; else by the built-in one."


SHORT = Work("Think, and then answer", for_agent=True)
"Two steps, a thought and an answer; each asks the model, whose row is committed before it is asked."
_TWO_STEPS = 'fake:[{"say": "Let me think."}, {"answer": "Here it is."}]'
_SHOW = "Show my tasks"
_THINGS = (
    "call Ann",
    "buy milk",
    "water the plants",
    "pay rent",
    "feed the cat",
    "mow the lawn",
    "read a book",
)
LONG = Work(", then ".join(f"add a task to {thing}" for thing in (*_THINGS, "sleep")))
"Ten steps, eight of them with a row of their own."
_USERS = 100
Worker = subprocess.Popen[str]
_DRAINED = 300.0
_LOOK = 0.25
"Seconds between two looks whether all is done: a look walks through all runs, on the same cores."
_ENDED = Query(
    """
    select count(*) filter (where finished_at is null) as left,
      count(*) filter (where status = 'COMPLETED') as done,
      cast(extract(epoch from max(finished_at) - min(started_at)) as float8) as seconds
    from executions where created_at >= :since
    """
)
_STEPS = Query(
    """
    select count(*) as count from steps join executions as run on run.id = execution_id
    where run.created_at >= :since
    """
)
_NOW = Query("select clock_timestamp() as now")
_STARTED = Query(
    """
    select cast(extract(epoch from started_at) as float8) as at from executions
    where id = any(:ids) order by created_at
    """
)
_TAKEN_OVER = Query(
    """
    select cast(extract(epoch from max(at)) as float8) as last, count(*) as count from events
    where kind = 'ExecutionStatusChanged' and payload ->> 'status' = 'RUNNING'
      and cast(payload ->> 'attempt' as int) > 1 and at >= :since
    """
)
_HELD = Query(
    "select min(split_part(lease_owner, ':', 2)) as pid from executions"
    " where split_part(lease_owner, ':', 2) = any(cast(:pids as text[]))"
)


@dataclass(frozen=True, slots=True)
class Drained:
    """How fast a backlog went, from the first claim to the last end."""

    runs: float
    steps: float
    steps_each: float
    processor: Mapping[str, float]
    "Microseconds of the worker and of Postgres for each step."


class Ground:
    """A database with users, and who starts runs there."""

    def __init__(self, services: Services, users: list[Any], agents: list[UUID]) -> None:
        self._services, self._users, self._agents = services, users, agents
        self._db, self._dsn = services.db, str(services.settings.database_url)

    async def backlog(self, work: Work, count: int) -> datetime:
        """So many queued runs, spread over the users; the moment before them. No worker is told."""
        since = (await self._one(_NOW))["now"]
        for place, (user_id, agent_id) in enumerate(zip(self._users, self._agents, strict=True)):
            new = NewExecution(work.text, agent_id=agent_id if work.for_agent else None)
            async with self._db.as_user(user_id) as session:
                for _ in range(place, count, len(self._users)):
                    await start_execution(session, user_id, new)
        return since

    async def drain(self, worker: Worker, work: Work, count: int) -> Drained:
        """Runs and durably committed steps per second of one worker, stopped until all are queued."""
        with _standing_still(worker):
            since = await self.backlog(work, count)
            meter = Meter({"worker": [worker.pid], "Postgres": await backends(self._dsn)})
        row = await self.until_ended(since)
        _, taken = meter.read()
        steps = (await self._one(_STEPS, since=since))["count"]
        assert row["done"] == count, f"{count - row['done']} runs did not complete"
        each = {part: seconds / steps * MICRO for part, seconds in taken.items()}
        return Drained(count / row["seconds"], steps / row["seconds"], steps / count, each)

    async def pick_up(self, count: int, every: float) -> list[float]:
        """Seconds from each startExecution's commit to the claim, by a worker that has nothing else to do."""
        since = (await self._one(_NOW))["now"]
        committed: list[float] = []
        ids: list[Any] = []
        for place in range(count):
            user_id = self._users[place % len(self._users)]
            run = await self._db.transact(
                user_id, lambda session, who=user_id: start_execution(session, who, NewExecution(_SHOW))
            )
            committed.append(time.time())
            ids.append(run.id)
            await asyncio.sleep(every)
        await self.until_ended(since)
        async with self._db.as_system() as session:
            rows = await session.all(_STARTED, ids=ids)
        return [row["at"] - at for row, at in zip(rows, committed, strict=True)]

    async def takeover(self, count: int, slots: int, lease: float) -> tuple[float, int]:
        """After the kill -9 of a worker that has runs, one of two: seconds to their last claim; how many."""
        since = await self.backlog(LONG, count)
        with self.worker(slots, lease) as one, self.worker(slots, lease) as other:
            (await self._first_to_hold(one, other)).kill()
            killed = time.time()
            row = await self.until_ended(since)
        assert row["done"] == count, f"{count - row['done']} runs did not complete"
        taken = await self._one(_TAKEN_OVER, since=since)
        return taken["last"] - killed, taken["count"]

    @contextmanager
    def worker(self, slots: int, lease: float = 12) -> Generator[Worker, None, None]:
        """`baton worker`, as a process."""
        env = {
            "DATABASE_URL": self._dsn,
            "BATON_JWT_SECRET": SECRET,
            "BATON_WORKER_SLOTS": str(slots),
            "BATON_LEASE_SECONDS": str(lease),
        }
        with running(sys.executable, "-m", "cli", "worker", env=env) as process:
            yield process

    async def until_ended(self, since: datetime) -> Any:
        """Once every run that was started since has ended."""
        async with asyncio.timeout(_DRAINED):
            while (row := await self._one(_ENDED, since=since))["left"]:
                await asyncio.sleep(_LOOK)
        return row

    async def _first_to_hold(self, *workers: Worker) -> Worker:
        """The first that has runs: on a busy machine it may have ended all before another one comes."""
        by_pid = {str(worker.pid): worker for worker in workers}
        async with asyncio.timeout(_DRAINED):
            while not (pid := (await self._one(_HELD, pids=list(by_pid)))["pid"]):
                await asyncio.sleep(0.002)
        return by_pid[pid]

    async def _one(self, query: Query[Any], **parameters: object) -> Any:
        async with self._db.as_system() as session:
            return await session.one(query, **parameters)


@contextmanager
def _standing_still(worker: Worker) -> Generator[None, None, None]:
    worker.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        worker.send_signal(signal.SIGCONT)


@asynccontextmanager
async def ground(dsn: str) -> AsyncGenerator[Ground, None]:
    """On a migrated database of its own."""
    settings = Settings(database_url=dsn, jwt_secret=SECRET)
    async with open_services(settings, dsn, "bench") as services:
        people = [await ensure_user(services.db, f"bench-{place}@example.com") for place in range(_USERS)]
        ids = [person.id for person in people]
        yield Ground(services, ids, [await _agent(services, user_id) for user_id in ids])


async def _agent(services: Services, user_id: UUID) -> UUID:
    given = {"name": "two steps", "model": _TWO_STEPS}
    async with services.db.as_user(user_id) as session:
        made = await create_agent(session, user_id, given, Offer((), lambda _: None))
    return made.id
