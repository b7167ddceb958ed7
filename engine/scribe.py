"""Commits what the runs of a worker have to say: what comes while one commit is made goes with the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from db.connection import Database, Session
from db.journal import WrittenRow, write_entries
from engine.entry import Entry
from engine.states import Status
from errors import LeaseLost, Unavailable

log = logging.getLogger(__name__)

_LARGEST_BATCH = 100


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
        self._writing: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Commit this entry. Raises LeaseLost, CancelRequested and Unavailable.

        Cancelled, it may be written or not; what the same run says afterwards comes after it.
        """
        letter = _Letter(entry, asyncio.get_running_loop().create_future())
        self._waiting.append(letter)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="scribe")
        await letter.done

    async def _write_all(self) -> None:
        try:
            while batch := self._next_batch():
                await self._write_batch(batch)
        finally:
            self._writing = None

    def _next_batch(self) -> list[_Letter]:
        """The oldest letters, one of each run."""
        letters = [letter for letter in self._waiting if not letter.done.cancelled()]
        batch: dict[UUID, _Letter] = {}
        for letter in letters[:_LARGEST_BATCH]:
            batch.setdefault(letter.entry.run.id, letter)
        taken = set(map(id, batch.values()))
        self._waiting = [letter for letter in letters if id(letter) not in taken]
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
        async with self._db.as_system() as session:
            written = await inscribe(session, [letter.entry for letter in batch])
        for letter in batch:
            if not letter.done.done():
                _tell(letter, written.get(letter.entry.run.id))


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
    for row in written:
        if row.last_seq is not None:
            session.hint(row.id.hex, row.last_seq)
        if row.activity_seq is not None:
            session.hint(row.user_id.hex, row.activity_seq)
    return {row.id: row for row in written}


def refusal(written: WrittenRow | None) -> LeaseLost | CancelRequested | None:
    """Why an entry was not written; None where it was."""
    if written is None:
        return LeaseLost()
    return CancelRequested() if written.status == Status.CANCELLING else None
