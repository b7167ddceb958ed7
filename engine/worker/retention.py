"""Retention: what is too old is deleted, by class and age, in small batches."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from db import retention as rows
from db.connection import Database
from db.due import RETENTION
from db.session import Session
from settings import Settings

log = logging.getLogger("baton.retention")

Batch = Callable[[Session], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days each class is kept, and how often what is older is deleted."""

    events: int
    runs: int
    deleted: int
    interval_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """By the settings."""
        return cls(
            settings.keep_events_days,
            settings.keep_runs_days,
            settings.keep_deleted_days,
            settings.prune_minutes * 60,
        )

    async def sweep(self, db: Database) -> None:
        """Prune where no worker has begun to for a whole interval. Raises Unavailable."""
        async with db.as_system() as session:
            is_ours = await rows.take_turn(session, RETENTION, self.interval_seconds)
        if is_ours:
            counts = await self.prune(db)
            if any(counts.values()):
                log.info("pruned %s", {name: count for name, count in counts.items() if count})

    async def prune(self, db: Database) -> dict[str, int]:
        """Delete all that is too old: of each class, how much. Each batch is a transaction of its own.

        Raises Unavailable; what was deleted before stays so.
        """
        counts = {name: await _exhausted(db, batch) for name, batch in self._classes().items()}
        for owners in ("users", "conversations"):
            counts["events"] += await self._prune_logs(db, owners)
        return counts

    def _classes(self) -> dict[str, Batch]:
        return {
            "idempotency keys": rows.delete_keys,
            "refresh tokens": rows.delete_tokens,
            "pieces": rows.delete_pieces,
            "events": lambda session: rows.delete_run_logs(session, self.events),
            "runs": lambda session: rows.delete_runs(session, self.runs),
            "conversations": lambda session: rows.delete_conversations(session, self.deleted),
            "schedules": lambda session: rows.delete_tombstones(session, "schedules", self.deleted),
            "tasks": lambda session: rows.delete_tombstones(session, "tasks", self.deleted),
        }

    async def _prune_logs(self, db: Database, owners: str) -> int:
        return sum([count async for count in self._log_heads(db, owners)])

    async def _log_heads(self, db: Database, owners: str) -> AsyncIterator[int]:
        """Page by page; a page of which there was something to delete is looked at again."""
        after: UUID | None = UUID(int=0)
        while after is not None:
            async with db.as_system() as session:
                page = await rows.delete_log_heads(session, owners, self.events, after)
            yield page.deleted
            if not page.deleted:
                after = page.last


async def _exhausted(db: Database, batch: Batch) -> int:
    deleted, last = 0, -1
    while last:
        async with db.as_system() as session:
            last = await batch(session)
        deleted += last
    return deleted
