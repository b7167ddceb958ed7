"""Commits what the runs of a worker have to say: what comes while one commit is made goes with the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from db.connection import Database, Session
from db.journal import WrittenRow, write_entries
from engine.entry import Entry
from engine.log import count
from engine.states import Status
from errors import LeaseLost, Unavailable

log = logging.getLogger(__name__)

_LARGEST_BATCH = 100
_TRIES = 3
_PATIENCE_SECONDS = 0.03
"How long what comes waits for a batch that is under way: then it goes with one of its own."
_MOST_BATCHES = 4


class CancelRequested(Exception):
    """The run was asked to stop."""


@dataclass(frozen=True, slots=True)
class _Letter:
    entry: Entry
    done: asyncio.Future[None]


class Scribe:
    """Writes entries of many runs in one statement. Each is durable, or refused, when its `write` returns."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[_Letter] = []
        self._writing: dict[asyncio.Task[None], set[UUID]] = {}
        "The batches that are under way, and whose runs are in them."
        self._late: asyncio.TimerHandle | None = None

    async def write(self, entry: Entry) -> None:
        """Commit this entry. Raises LeaseLost, CancelRequested and Unavailable.

        Cancelled, it may be written or not; what the same run says afterwards comes after it.
        """
        letter = _Letter(entry, asyncio.get_running_loop().create_future())
        self._waiting.append(letter)
        if not self._writing:
            self._start()
        await letter.done

    def _start(self) -> None:
        """Have what waits written, and whoever comes meanwhile soon after."""
        self._stop_waiting()
        batch = self._next_batch()
        if not batch:
            return
        runs = {letter.entry.run.id for letter in batch}
        # In nobody's context: a batch is of many runs.
        writing = asyncio.create_task(self._write_batch(batch), name="scribe", context=Context())
        self._writing[writing] = runs
        writing.add_done_callback(self._go_on)
        if len(self._writing) < _MOST_BATCHES:
            self._late = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._start)

    def _go_on(self, written: asyncio.Task[None]) -> None:
        del self._writing[written]
        self._start()

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _next_batch(self) -> list[_Letter]:
        """The oldest letters, one of each run of which nothing is under way."""
        self._waiting = [letter for letter in self._waiting if not letter.done.cancelled()]
        busy = set[UUID]().union(*self._writing.values())
        batch: dict[UUID, _Letter] = {}
        for letter in self._waiting[:_LARGEST_BATCH]:
            if letter.entry.run.id not in busy:
                batch.setdefault(letter.entry.run.id, letter)
        taken = set(map(id, batch.values()))
        self._waiting = [letter for letter in self._waiting if id(letter) not in taken]
        return list(batch.values())

    async def _write_batch(self, batch: Sequence[_Letter]) -> None:
        try:
            await self._commit(batch)
        except Unavailable as error:
            _fail(batch, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch, error)
                return
            if not isinstance(error, asyncpg.DeadlockDetectedError):
                log.exception("a batch of %s entries failed; trying each alone", len(batch))
            for letter in batch:
                await self._write_batch([letter])

    async def _commit(self, batch: Sequence[_Letter]) -> None:
        written = await self._inscribe([letter.entry for letter in batch])
        for letter in batch:
            if not letter.done.done():
                _tell(letter, written.get(letter.entry.run.id))

    async def _inscribe(self, entries: Sequence[Entry]) -> dict[UUID, WrittenRow]:
        """In a transaction of its own; begun anew after a deadlock, three times at most."""
        for _ in range(_TRIES - 1):
            with suppress(asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                return await self._inscribe_once(entries)
        return await self._inscribe_once(entries)

    async def _inscribe_once(self, entries: Sequence[Entry]) -> dict[UUID, WrittenRow]:
        async with self._db.as_system() as session:
            return await inscribe(session, entries)


def _fail(batch: Sequence[_Letter], error: BaseException) -> None:
    for letter in batch:
        if not letter.done.done():
            letter.done.set_exception(error)


def _tell(letter: _Letter, written: WrittenRow | None) -> None:
    if (problem := refusal(written)) is not None:
        letter.done.set_exception(problem)
    else:
        letter.done.set_result(None)


async def inscribe(session: Session, entries: Sequence[Entry]) -> dict[UUID, WrittenRow]:
    """Write entries, of one run each, in this transaction, and hint their readers after its commit.

    The answer leaves out those whose fence was raised; `refusal` says what to make of one.
    """
    written = await write_entries(session, [entry.as_json() for entry in entries])
    events = {entry.run.id: entry.events for entry in entries}
    for row in written:
        if row.last_seq is not None:
            count(session, events[row.id])
            session.hint(row.id.hex, row.last_seq)
        if row.activity_seq is not None:
            session.hint(row.user_id.hex, row.activity_seq)
        if row.conversation_id is not None:
            session.hint(row.conversation_id.hex, row.conversation_seq or 0)
    return {row.id: row for row in written}


def refusal(written: WrittenRow | None) -> LeaseLost | CancelRequested | None:
    """Why an entry was not written; None where it was."""
    if written is None:
        return LeaseLost()
    return CancelRequested() if written.status == Status.CANCELLING else None
