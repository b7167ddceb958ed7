"""A worker: claims runs, keeps their leases, carries them, and lets go of them in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar
from uuid import UUID

from db import executions as rows
from db.connection import Database
from db.executions import ExecutionRow, HeldRow
from engine.executions import CANCEL_TOPIC
from engine.facts import status_fact
from engine.journal import QUEUE_TOPIC, STOPPED, CancelRequested, Ending, Journal, end_run
from engine.log import append
from engine.models.decisions import Model
from engine.run import Carrier
from engine.states import EndReason, Status, after_loss
from engine.tools.tool import AnyTool
from errors import LeaseLost, Unavailable
from events.hub import Bell, Hub
from ids import new_id
from settings import Settings

T = TypeVar("T")

log = logging.getLogger("baton.worker")

_LAST_WORD_SECONDS = 5.0

_REQUEUED = Ending(Status.QUEUED)
_HANDED_BACK = Ending(Status.QUEUED, is_no_loss=True)
_BROKEN = Ending(Status.FAILED, EndReason.INTERNAL_ERROR, error="Something went wrong on our side.")
_EXHAUSTED = Ending(
    Status.FAILED, EndReason.ATTEMPTS_EXHAUSTED, error="Every attempt ended with the loss of its worker."
)
_AFTER_LOSS = {Status.QUEUED: _REQUEUED, Status.CANCELLED: STOPPED, Status.FAILED: _EXHAUSTED}


class Wish(Enum):
    """Why a run's task is cancelled."""

    CANCEL = "the run was asked to stop"
    LOST = "the lease was lost"
    DRAIN = "this worker goes away"


@dataclass(slots=True)
class Held:
    """A run in this worker's hands."""

    run: ExecutionRow
    task: asyncio.Task[None] | None = None
    wish: Wish | None = None

    def let_go(self, wish: Wish) -> None:
        """Have its task stop at its next await."""
        if self.wish is None and self.task is not None:
            self.wish = wish
            self.task.cancel()


class Worker:
    """Carries up to `settings.worker_slots` runs at a time, until it is drained."""

    def __init__(
        self, db: Database, hub: Hub, settings: Settings, model: Model, tools: dict[str, AnyTool]
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
        self._db, self._hub, self._settings = db, hub, settings
        self._carrier = Carrier(model, tools, lambda: self._draining)
        self._held: dict[UUID, Held] = {}
        self._draining = False
        self._renewed_at = 0.0
        self._queue: Bell

    async def work(self) -> None:
        """Claim and carry until cancelled; then drain: no run is left behind under a lease."""
        with self._hub.listen(QUEUE_TOPIC) as self._queue:
            keeping = asyncio.create_task(self._keep(), name="leases")
            claiming = asyncio.create_task(self._claim(), name="claims")
            try:
                # Not cancelled itself: what was just claimed must come into our hands.
                await asyncio.shield(claiming)
            finally:
                await self._drain(claiming)
                keeping.cancel()
                await asyncio.wait({keeping})

    async def _claim(self) -> None:
        while not self._draining:
            free = self._settings.worker_slots - len(self._held)
            claimed = await self._guarded(self._claim_some(free)) if free else None
            if not claimed or len(claimed) < free:
                await self._queue.wait(self._settings.poll_seconds)

    async def _claim_some(self, slots: int) -> list[ExecutionRow]:
        async with self._db.as_system() as session:
            claimed = await rows.claim_executions(session, self.name, slots, self._settings.lease_seconds)
            for run in claimed:
                await append(session, run.id, run.user_id, run.last_seq, [status_fact(run)])
        for run in claimed:
            self._take(run)
        return claimed

    def _take(self, run: ExecutionRow) -> None:
        if older := self._held.get(run.id):
            older.let_go(Wish.LOST)  # swept from us while we were away, and claimed by us again
        held = self._held[run.id] = Held(run)
        held.task = asyncio.create_task(self._carry(held), name=f"run {run.id}")

    async def _keep(self) -> None:
        """Renew leases each third of their time, sooner where a run is asked to stop, and sweep lost ones."""
        self._renewed_at = asyncio.get_running_loop().time()
        with self._hub.listen(CANCEL_TOPIC) as bell:
            while True:
                await self._guarded(self._renew())
                await self._guarded(self._sweep())
                await bell.wait(self._settings.lease_seconds / 3)

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        asked_at, held = loop.time(), dict(self._held)
        try:
            kept = await self._renewed(list(held))
        except Unavailable:
            self._give_up_stale()
            raise
        self._renewed_at = asked_at
        for execution_id, one in held.items():
            lease = kept.get(execution_id)
            if lease is None or lease.fence != one.run.fence:
                one.let_go(Wish.LOST)
            elif lease.status == Status.CANCELLING:
                one.let_go(Wish.CANCEL)

    async def _renewed(self, ids: list[UUID]) -> dict[UUID, HeldRow]:
        if not ids:
            return {}
        async with self._db.as_system() as session:
            kept = await rows.renew_leases(session, self.name, ids, self._settings.lease_seconds)
        return {row.id: row for row in kept}

    def _give_up_stale(self) -> None:
        """Without a renewal for a whole lease the runs are somebody else's, whether we can ask or not."""
        if asyncio.get_running_loop().time() - self._renewed_at > self._settings.lease_seconds:
            for one in self._held.values():
                one.let_go(Wish.LOST)

    async def _sweep(self) -> None:
        async with self._db.as_system() as session:
            for run in await rows.lock_lost_executions(session):
                next_status = after_loss(Status(run.status), run.attempt, run.max_attempts)
                await end_run(session, run, _AFTER_LOSS[next_status])

    async def _carry(self, held: Held) -> None:
        run = held.run
        try:
            await self._carry_or_stop(held, Journal(self._db, run))
        except LeaseLost:
            log.warning("lost the lease of run %s in attempt %s", run.id, run.attempt)
        except Unavailable:
            log.warning("the database is away: run %s is left to its lease", run.id)
        except Exception:
            log.exception("run %s is left to its lease", run.id)
        finally:
            if self._held.get(run.id) is held:
                del self._held[run.id]
            self._queue.ring()

    async def _carry_or_stop(self, held: Held, journal: Journal) -> None:
        try:
            if not await self._carrier.carry(journal):
                await journal.end(_HANDED_BACK)
        except CancelRequested:
            await journal.end(STOPPED)
        except asyncio.CancelledError:
            await self._obey(held.wish, journal)
        except (LeaseLost, Unavailable):
            raise
        except Exception:
            log.exception("run %s is broken", journal.run.id)
            await journal.end(_BROKEN)

    async def _obey(self, wish: Wish | None, journal: Journal) -> None:
        if wish is Wish.CANCEL:
            await journal.end(STOPPED)
        elif wish is Wish.DRAIN:
            await journal.end(_HANDED_BACK)

    async def _drain(self, claiming: asyncio.Task[None]) -> None:
        """Bring runs to a step boundary in `drain_seconds`, then queue again what is not there yet."""
        self._draining = True
        self._queue.ring()
        await asyncio.wait({claiming})
        await self._wait_for_tasks(self._settings.drain_seconds)
        for one in list(self._held.values()):
            one.let_go(Wish.DRAIN)
        await self._wait_for_tasks(_LAST_WORD_SECONDS)

    async def _wait_for_tasks(self, seconds: float) -> None:
        tasks = {one.task for one in self._held.values() if one.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def _guarded(self, work: Awaitable[T]) -> T | None:
        """One round of a loop that must outlive the database: what it could not do waits for the next."""
        try:
            return await work
        except Unavailable:
            log.warning("the database is away; trying again in a moment")
        except Exception:
            log.exception("a round of the worker failed; trying again in a moment")
        return None
