"""One pen for all runs of a worker: many of them have their say in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg

from db import leases
from db.connection import Database
from db.executions import ExecutionRow
from db.journal import WrittenRow, write_entries
from db.leases import HeldRow
from db.session import Session
from engine.log import count
from engine.states import Status
from engine.topics import settled_topic
from engine.worker.batches import Batch, Batches
from engine.worker.entry import Entry
from errors import LeaseLost

log = logging.getLogger(__name__)

_TRIES = 3
_LOCK_SECONDS_TOGETHER = 0.05
"How long works that are done together wait for a row: then each is done alone, and waits alone."
_LOCK_SECONDS_ALONE = 0.5
"How long one waits with its run in its hands: who wants to stop the run waits as long."

Work: TypeAlias = Callable[[Session], Awaitable[Entry]]


class CancelRequested(Exception):
    """The run was asked to stop."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Work on rows of the run's user, to be committed with the entry that it answers."""

    run: ExecutionRow
    work: Work


class Scribe:
    """Writes entries, and does work on our own rows, of many runs in one transaction each.

    Each is durable, or refused, when its call returns. Both raise LeaseLost, CancelRequested and Unavailable;
    cancelled, a call was carried out or not, and what the same run says afterwards comes after it.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._entries: Batches[Entry] = Batches(self._write)
        self._orders: Batches[_Order] = Batches(self._work, side_by_side=2)

    async def write(self, entry: Entry) -> None:
        """Commit this entry."""
        await self._entries.add(entry.run.id, entry)

    async def carry_out(self, run: ExecutionRow, work: Work) -> None:
        """Do the work in a transaction that sees the rows of the run's user, and commit it with its entry.

        Where it has to wait for others it is begun anew, as often as it must: the run is free in between.
        Raises what the work raises; then nothing of it remains.
        """
        await self._orders.add(run.id, _Order(run, work))

    async def _write(self, batch: Batch[Entry]) -> None:
        written = await self._inscribe([letter.content for letter in batch])
        for letter in batch:
            letter.close(refusal(written.get(letter.run_id)))

    async def _inscribe(self, entries: Sequence[Entry]) -> dict[UUID, WrittenRow]:
        """Begun anew after a deadlock, three times at most."""
        for _ in range(_TRIES - 1):
            with suppress(asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                return await self._inscribe_once(entries)
        return await self._inscribe_once(entries)

    async def _inscribe_once(self, entries: Sequence[Entry]) -> dict[UUID, WrittenRow]:
        async with self._db.as_system(by_index=True) as session:
            return await inscribe(session, entries)

    async def _work(self, batch: Batch[_Order]) -> None:
        if len(batch) > 1:
            await self._work_once(batch, _LOCK_SECONDS_TOGETHER)
        else:
            await self._work_alone(batch)

    async def _work_alone(self, batch: Batch[_Order]) -> None:
        deadlocks = 0
        while not batch[0].done.done():
            try:
                await self._work_once(batch, _LOCK_SECONDS_ALONE)
            except asyncpg.LockNotAvailableError:
                log.debug("run %s waits for a row", batch[0].run_id)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                deadlocks += 1
                if deadlocks == _TRIES:
                    raise

    async def _work_once(self, batch: Batch[_Order], lock_seconds: float) -> None:
        # Users in the order in which everybody locks them.
        letters = sorted(batch, key=lambda letter: letter.content.run.user_id)
        async with self._db.as_system(by_index=True, lock_seconds=lock_seconds) as session:
            held = await leases.hold(session, [letter.content.run for letter in letters])
            refused = {letter: refusal(held.get(letter.run_id)) for letter in letters}
            entries = [
                await _done(session, letter.content)
                for letter, problem in refused.items()
                if problem is None and not letter.done.done()
            ]
            await session.act_for(None)
            written = await inscribe(session, entries)
        for letter, problem in refused.items():
            letter.close(problem or refusal(written.get(letter.run_id)))


async def _done(session: Session, order: _Order) -> Entry:
    await session.act_for(order.run.user_id)
    return await order.work(session)


async def inscribe(session: Session, entries: Sequence[Entry]) -> dict[UUID, WrittenRow]:
    """Write entries, of one run each, in this transaction, and hint their readers after its commit.

    The answer leaves out those whose fence was raised; `refusal` says what to make of one.
    """
    written = await write_entries(session, [entry.as_json() for entry in entries]) if entries else []
    entries_of = {entry.run.id: entry for entry in entries}
    for row in written:
        if row.last_seq is not None:
            count(session, entries_of[row.id].events)
            session.hint(row.id.hex, row.last_seq)
            if entries_of[row.id].has_ended:
                session.hint(settled_topic(row.id))
        if row.activity_seq is not None:
            session.hint(row.user_id.hex, row.activity_seq)
        if row.conversation_id is not None:
            session.hint(row.conversation_id.hex, row.conversation_seq or 0)
    return {row.id: row for row in written}


def refusal(row: WrittenRow | HeldRow | None) -> LeaseLost | CancelRequested | None:
    """Why the run has no say, by what was found of it; None where it has."""
    if row is None:
        return LeaseLost()
    return CancelRequested() if row.status == Status.CANCELLING else None
