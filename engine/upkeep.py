"""What workers do beside carrying runs: whoever comes first does it, the others find it done."""

from __future__ import annotations

import logging

from db.connection import Database
from engine.schedules import SCHEDULE_TOPIC, start_due_runs
from errors import Unavailable
from events.hub import Hub
from settings import Settings

log = logging.getLogger("baton.upkeep")


class Upkeep:
    """The chores of one worker process."""

    def __init__(self, db: Database, hub: Hub, settings: Settings) -> None:
        self._db, self._hub, self._settings = db, hub, settings

    async def work(self) -> None:
        """Do them until cancelled."""
        await self._keep_schedules()

    async def _keep_schedules(self) -> None:
        """Wake for each tick when it is due; a hint tells of a new schedule, the poll of a lost hint."""
        with self._hub.listen(SCHEDULE_TOPIC) as bell:
            while True:
                seconds = await self._start_due_runs()
                await bell.wait(seconds)

    async def _start_due_runs(self) -> float:
        longest = self._settings.poll_seconds
        try:
            seconds = await start_due_runs(self._db)
        except Unavailable:
            log.warning("the database is away; schedules wait")
        except Exception:
            log.exception("schedules are tried again in a moment")
        else:
            return longest if seconds is None else min(max(seconds, _SHORTEST), longest)
        return longest


_SHORTEST = 0.01
"Where another worker is starting what is due, or the clocks differ by a hair."
