"""A worker: claims runs, keeps their leases, carries them, and lets go of them in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from db import leases, queue
from db.connection import Database
from db.leases import RenewedRow
from db.queue import ClaimedRow
from engine.endings import BROKEN, HANDED_BACK, LATE, STOPPED
from engine.log import tell_status
from engine.states import Status
from engine.topics import CANCEL_TOPIC, QUEUE_TOPIC
from engine.worker.clock import Clock
from engine.worker.journal import Ends, Journal, Parked
from engine.worker.run import Crew
from engine.worker.scribe import CancelRequested, Scribe
from engine.worker.upkeep import Upkeep
from errors import LeaseLost, Unavailable
from events.hub import Bell, Hub
from ids import new_id
from settings import Settings
from telemetry import logs, metrics, tracing

T = TypeVar("T")

log = logging.getLogger("baton.worker")

_LAST_WORD_SECONDS = 5.0
_SOON = 30
"Where a renewal passed over a run, it is tried again after so small a part of the lease."
_RECONNECT_SECONDS = 0.25


class Wish(Enum):
    """Why a run's task is cancelled."""

    CANCEL = "the run was asked to stop"
    LATE = "its deadline has passed"
    LOST = "the lease was lost"
    DRAIN = "this worker goes away"


_LAST_WORDS = {Wish.CANCEL: STOPPED, Wish.LATE: LATE, Wish.DRAIN: HANDED_BACK}


@dataclass(slots=True)
class Held:
    """A run in this worker's hands."""

    run: ClaimedRow
    journal: Journal
    task: asyncio.Task[None] | None = None
    has_begun: bool = False
    wish: Wish | None = None
    deadline: asyncio.TimerHandle | None = None

    def let_go(self, wish: Wish) -> None:
        """Have its task stop at its next await. One that has not begun finds the wish when it does."""
        if self.wish is None and self.task is not None:
            self.wish = wish
            if self.has_begun:
                self.task.cancel()


class Worker:
    """Carries up to `settings.worker_slots` runs at a time, until it is drained."""

    def __init__(
        self,
        db: Database,
        hub: Hub,
        settings: Settings,
        crew: Crew,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
        self._db, self._hub, self._settings, self._crew = db, hub, settings, crew
        self._scribe, self._clock = Scribe(db), Clock()
        self._held: dict[UUID, Held] = {}
        self._draining = False
        self._renewed_at = 0.0
        self._queue: Bell

    @property
    def draining(self) -> bool:
        """Whether it claims nothing more."""
        return self._draining

    @property
    def count(self) -> int:
        """Runs in its hands."""
        return len(self._held)

    async def work(self) -> None:
        """Claim and carry until cancelled; then drain: no run is left behind under a lease."""
        with self._hub.listen(QUEUE_TOPIC) as self._queue:
            upkeep = Upkeep(self._db, self._hub, self._settings)
            beside = [
                self._spawn("leases", self._keep()),
                self._spawn("upkeep", upkeep.work()),
                self._spawn("models", self._crew.models.open()),
            ]
            claiming = self._spawn("claims", self._claim())
            try:
                # Not cancelled itself: what was just claimed must come into our hands.
                await asyncio.shield(claiming)
            finally:
                await self._drain(claiming)
                for task in beside:
                    task.cancel()
                await asyncio.wait(beside)
                await self._crew.models.close()

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)

    # Claiming.

    async def _claim(self) -> None:
        while not self._draining:
            free = self._settings.worker_slots - len(self._held)
            claimed = await self._guarded(self._claim_some(free)) if free else None
            if not claimed or len(claimed) < free:
                await self._queue.wait(self._settings.poll_seconds)

    async def _claim_some(self, slots: int) -> list[ClaimedRow]:
        """Begun anew where others who tell the same user of something were in the way."""
        with suppress(asyncpg.DeadlockDetectedError):
            return await self._claim_once(slots)
        return await self._claim_once(slots)

    async def _claim_once(self, slots: int) -> list[ClaimedRow]:
        async with self._db.as_system(by_index=True) as session:
            claimed = await queue.claim_executions(session, self.name, slots, self._settings.lease_seconds)
            if claimed:
                await tell_status(session, *claimed)
        for run in claimed:
            self._clock.read(run.now)
            self._take(run)
        return claimed

    def _take(self, run: ClaimedRow) -> None:
        if older := self._held.get(run.id):
            older.let_go(Wish.LOST)  # swept from us while we were away, and claimed by us again
        journal = Journal(self._db, self._scribe, self._clock, run)
        held = self._held[run.id] = Held(run, journal)
        held.task = self._spawn(f"run {run.id}", self._carry(held))
        if run.deadline is not None:
            left = (run.deadline - self._clock.now()).total_seconds()
            held.deadline = asyncio.get_running_loop().call_later(max(0.0, left), held.let_go, Wish.LATE)

    # Keeping.

    async def _keep(self) -> None:
        """Renew leases each third of their time, and sooner where a run is asked to stop."""
        self._renewed_at = asyncio.get_running_loop().time()
        with self._hub.listen(CANCEL_TOPIC) as bell:
            while True:
                passed_over = await self._guarded(self._renew())
                await bell.wait(self._settings.lease_seconds / (_SOON if passed_over else 3))

    async def _renew(self) -> bool:
        """Whether a run was passed over, since a step of its own had locked it."""
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
            if lease is None or lease.fence != one.journal.run.fence:
                one.let_go(Wish.LOST)
            elif lease.status == Status.CANCELLING:
                one.let_go(Wish.CANCEL)
        return any(lease.seconds_left < self._settings.lease_seconds * 2 / 3 for lease in kept.values())

    async def _renewed(self, ids: list[UUID]) -> dict[UUID, RenewedRow]:
        if not ids:
            return {}
        async with self._db.as_system() as session:
            kept = await leases.renew_leases(session, self.name, ids, self._settings.lease_seconds)
        for row in kept:
            self._clock.read(row.now)
        return {row.id: row for row in kept}

    def _give_up_stale(self) -> None:
        """Without a renewal for a whole lease the runs are somebody else's, whether we can ask or not."""
        if asyncio.get_running_loop().time() - self._renewed_at > self._settings.lease_seconds:
            for one in self._held.values():
                one.let_go(Wish.LOST)

    # Carrying.

    async def _carry(self, held: Held) -> None:
        run, held.has_begun = held.run, True
        logs.about(execution_id=run.id, user_id=run.user_id, attempt=run.attempt)
        try:
            with _span(run):
                await self._carry_through(held)
        except LeaseLost:
            metrics.leases_lost.inc()
            log.warning("lost the lease of run %s in attempt %s", run.id, run.attempt)
        except (Unavailable, asyncio.CancelledError):  # told to let go while the database was away
            log.warning("the database is away: run %s is left to its lease", run.id)
        except Exception:
            log.exception("run %s is left to its lease", run.id)
        finally:
            log.debug("let go of run %s", run.id)
            if held.deadline is not None:
                held.deadline.cancel()
            was_full = len(self._held) >= self._settings.worker_slots
            if self._held.get(run.id) is held:
                del self._held[run.id]
            if was_full:  # else nothing was left when it last looked, and of what came since a hint tells
                self._queue.ring()

    async def _carry_through(self, held: Held) -> None:
        """Where the connection breaks, the run is taken up anew from its rows, while the lease is ours."""
        has_steps = held.run.may_have_steps
        while True:
            try:
                return await self._carry_or_stop(held, has_steps)
            except Unavailable:
                await self._hold_anew(held.journal)
                has_steps = True

    async def _hold_anew(self, journal: Journal) -> None:
        """Raise the fence: what may still be under way on the broken connection counts no more."""
        log.warning("lost the connection in run %s; taking it up anew", journal.run.id)
        while True:
            with suppress(Unavailable):
                async with self._db.as_system() as session:
                    lease = self._settings.lease_seconds
                    row = await leases.renew_fence(session, journal.run, self.name, lease)
                if row is None:
                    raise LeaseLost
                journal.run = row
                journal.meter.forget()
                return
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _carry_or_stop(self, held: Held, has_steps: bool) -> None:
        journal = held.journal
        try:
            if held.wish is not None:
                await self._obey(held.wish, journal)
            elif not await self._crew.carry(journal, await journal.steps() if has_steps else [], self._stops):
                await journal.end(HANDED_BACK)
        except Parked:
            log.debug("run %s waits", journal.run.id)
        except CancelRequested:
            await journal.end(STOPPED)
        except Ends as end:
            await journal.end(end.ending)
        except asyncio.CancelledError:
            await self._obey(held.wish, journal)
        except (LeaseLost, Unavailable):
            raise
        except Exception:
            log.exception("run %s is broken", journal.run.id)
            await journal.end(BROKEN)

    def _stops(self) -> bool:
        return self._draining

    async def _obey(self, wish: Wish | None, journal: Journal) -> None:
        if wish is Wish.LOST:
            raise LeaseLost
        if wish in _LAST_WORDS:
            await journal.end(_LAST_WORDS[wish])

    # Going.

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


def _span(run: ClaimedRow) -> tracing.Span:
    """Below whoever started the run, in whichever process that was."""
    return tracing.span(
        "run",
        "consumer",
        run.trace_context,
        baton__execution__id=run.id,
        baton__execution__attempt=run.attempt,
        enduser__id=run.user_id,
    )
