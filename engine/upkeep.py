"""What workers do beside carrying runs: whoever comes first does it, the others find it done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from db.connection import Database
from engine.chores import CHORES, Chore
from engine.retention import Retention
from errors import Unavailable
from events.hub import Hub
from settings import Settings

log = logging.getLogger("baton.upkeep")

_SHORTEST = 0.01
"Where another worker is doing what is due, or the clocks differ by a hair."


class Upkeep:
    """The chores of one worker process."""

    def __init__(self, db: Database, hub: Hub, settings: Settings, chores: Sequence[Chore] = CHORES) -> None:
        self._db, self._hub, self._settings = db, hub, settings
        self._chores = (*chores, Chore("retention", "retention", Retention.of(settings).sweep))

    async def work(self) -> None:
        """Do them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chore in self._chores:
                group.create_task(self._see_to(chore), name=chore.name)

    async def _see_to(self, chore: Chore) -> None:
        """Wake when it is due; a hint tells that it is due earlier, the poll of a lost hint."""
        with self._hub.listen(chore.topic) as bell:
            while True:
                await bell.wait(await self._do(chore))

    async def _do(self, chore: Chore) -> float:
        longest = self._settings.poll_seconds
        try:
            seconds = await chore.do(self._db)
        except Unavailable:
            log.warning("the database is away: %s wait", chore.name)
        except Exception:
            log.exception("%s are tried again in a moment", chore.name)
        else:
            return longest if seconds is None else min(max(seconds, _SHORTEST), longest)
        return longest
