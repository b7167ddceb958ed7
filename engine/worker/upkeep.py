"""What workers do beside carrying runs: whoever comes first does it, the others find it done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from db import due
from db.connection import Database
from engine.topics import DUE_TOPIC
from engine.worker.chores import CHORES, Chore
from engine.worker.retention import Retention
from errors import Unavailable
from events.hub import Bell, Hub
from settings import Settings

log = logging.getLogger("baton.upkeep")

_SHORTEST = 0.01
"Where another worker is doing what is due, or the clocks differ by a hair."


class Upkeep:
    """The chores of one worker process. Each is a task while it is done: one that waits holds up no other."""

    def __init__(self, db: Database, hub: Hub, settings: Settings, chores: Sequence[Chore] = CHORES) -> None:
        self._db, self._hub, self._settings = db, hub, settings
        self._retention = Retention.of(settings)
        self._chores = (*chores, Chore("retention", lambda due: due.retention, self._retention.sweep))
        self._doing: set[str] = set()
        self._bell: Bell

    async def work(self) -> None:
        """Do them until cancelled. A hint tells that one is due earlier, the poll of a lost hint."""
        async with asyncio.TaskGroup() as group:
            with self._hub.listen(DUE_TOPIC) as self._bell:
                while True:
                    await self._bell.wait(await self._look(group))

    async def _look(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due. How many seconds are left until something else will be."""
        longest = self._settings.poll_seconds
        try:
            async with self._db.as_system() as session:
                found = await due.look(session, self._retention.interval_seconds)
        except Unavailable:
            log.warning("the database is away: chores wait")
            return longest
        for chore in self._chores:
            seconds = chore.seconds(found)
            if seconds is None or chore.name in self._doing:
                continue
            if seconds <= 0:
                self._begin(group, chore)
            else:
                longest = min(longest, seconds)
        return max(_SHORTEST, longest)

    def _begin(self, group: asyncio.TaskGroup, chore: Chore) -> None:
        task = group.create_task(self._do(chore), name=chore.name)
        self._doing.add(chore.name)
        task.add_done_callback(lambda _: self._doing.discard(chore.name))

    async def _do(self, chore: Chore) -> None:
        """Do it, and look again: there may be more of it. One that fails waits for the next look."""
        try:
            await chore.do(self._db)
        except Unavailable:
            log.warning("the database is away: %s wait", chore.name)
        except Exception:
            log.exception("%s are tried again in a moment", chore.name)
        else:
            asyncio.get_running_loop().call_later(_SHORTEST, self._bell.ring)
