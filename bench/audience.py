"""Runs that somebody writes to as a worker does, and crowds that watch them over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from auth import Tokens
from bench.sockets import Subscriber, subscribe
from db.connection import Database
from db.query import Query
from db.session import Session
from engine.log import append
from events.cursor import Cursor
from events.hub import Hub, open_hub
from events.kinds import Event, ExecutionStatusChanged, StepFacts, StepFinished
from ids import Kind, encode, new_id
from resolvers.users import ensure_user
from settings import Settings
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
_NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
_BATCH = b'"EventBatch"'
_PATIENCE = 120
_INSERT = Query(
    """
    insert into executions (id, user_id, input, status, lease_owner, lease_until, attempt)
    select unnest(cast(:ids as uuid[])), :user_id, 'bench', 'RUNNING', 'bench', now() + interval '1 day', 1
    """
)
_ADVANCE = Query("update executions set last_seq = last_seq + 1 where id = :id returning last_seq")
_EPOCH = Query("select log_epoch() as epoch")

Told = Callable[[UUID], None]


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

    async def begin(self, runs: Sequence[UUID]) -> None:
        """The first entry of each: it is running."""
        async with self.db.as_system() as session:
            for run in runs:
                await self._append(session, run, partial(_start, run))

    async def write(self, runs: Sequence[UUID]) -> None:
        """One event to each, in one transaction."""
        async with self.db.as_system() as session:
            for run in runs:
                await self._append(session, run, partial(_step, run))

    async def cursors(self, runs: Sequence[UUID], seq: int) -> list[str]:
        """A place in each of their logs."""
        async with self.db.as_system() as session:
            epoch = (await session.one(_EPOCH))["epoch"]
        return [Cursor(run, seq, epoch).encode() for run in runs]

    async def _append(self, session: Session, run: UUID, fact: Callable[[int], Event]) -> None:
        seq = (await session.one(_ADVANCE, id=run))["last_seq"]
        await append(session, run, self.user_id, seq, [fact(seq)])


def _start(run: UUID, _: int) -> ExecutionStatusChanged:
    return ExecutionStatusChanged(execution_id=run, status="RUNNING", end_reason=None, attempt=1)


def _step(run: UUID, number: int) -> StepFinished:
    step = StepFacts(
        id=run,
        execution_id=run,
        number=number,
        kind="TOOL_CALL",
        status="COMPLETED",
        tool_name="add_task",
        input={"title": "Call the dentist"},
        text="The task was added to the list.",
        attempt=1,
        started_at=_NOON,
        finished_at=_NOON,
    )
    return StepFinished(execution_id=run, step=step)


class Crowd:
    """Subscribers of runs, and how many frames of events they got. Calls `told` with the run of each."""

    def __init__(self, ground: Ground, port: int, told: Told | None = None) -> None:
        self._ground, self._port, self._tell = ground, port, told
        self.opened = self.told = 0
        self._problem: bytes | None = None
        self._wanted: tuple[Callable[[], bool], asyncio.Event] | None = None
        self.subscribers: list[Subscriber] = []

    async def join(self, runs: Sequence[UUID], afters: Sequence[str] | None = None) -> None:
        """One more subscriber for each run, from its start or behind a cursor; here once all are opened."""
        due = self.opened + len(runs)
        places = list(zip(runs, afters or [None] * len(runs), strict=True))
        for start in range(0, len(places), 100):
            some = [self._subscribe(run, after) for run, after in places[start : start + 100]]
            self.subscribers += await asyncio.gather(*some)
        await self.until(lambda: self.opened >= due)

    async def _subscribe(self, run: UUID, after: str | None) -> Subscriber:
        variables = {"id": encode(Kind.EXECUTION, run), "after": after, "user": str(self._ground.user_id)}
        payload = {"query": DOCUMENT, "variables": variables}
        return await subscribe(self._port, self._ground.token, payload, partial(self._hear, run))

    def _hear(self, run: UUID, frame: bytes) -> None:
        if _BATCH in frame:
            self.told += 1
            if self._tell is not None:
                self._tell(run)
        elif b'"next"' in frame:
            self.opened += b'"StreamReset"' not in frame
        elif b'"error"' in frame:
            self._problem = frame
        if self._wanted is not None and (self._problem or self._wanted[0]()):
            self._wanted[1].set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until frames have made it true."""
        if not condition():
            self._wanted = (condition, asyncio.Event())
            async with asyncio.timeout(_PATIENCE):
                await self._wanted[1].wait()
        self._wanted = None
        assert self._problem is None, self._problem

    def leave(self) -> None:
        """Hang up, all of them."""
        for one in self.subscribers:
            one.transport.abort()


@asynccontextmanager
async def open_ground(dsn: str) -> AsyncGenerator[tuple[Ground, Hub], None]:
    """A user of a database that is nobody else's, and the hub by which their runs' events are hinted."""
    async with AsyncExitStack() as stack:
        db = Database(dsn, size=4, name="bench")
        await db.open()
        stack.push_async_callback(db.close)
        hub = await stack.enter_async_context(open_hub(dsn, "bench"))
        db.on_commit = hub.publish
        user = await ensure_user(db, "bench@example.com")
        token, _ = Tokens(Settings(), SECRET.encode()).issue(user.id, seconds=86_400)
        yield Ground(dsn, db, user.id, token), hub
