"""Notices that the server has gone silent, frozen or cut off, where TCP alone would wait for minutes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg

log = logging.getLogger("baton.db")

_WAITS = 15
_SILENT = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


class Lent(Protocol):
    """A connection in somebody's hands."""

    def terminate(self) -> None: ...


class Watchdog:
    """Asks whether the server is there once a connection has been lent for `patience` seconds.

    Where a new connection gets no answer within `deadline` seconds, those that were lent for so long are cut:
    whoever waits on one is told. Where it does, they wait for a lock or for much work, and are let be.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection[Any]]],
        *,
        patience: float = 2.0,
        deadline: float = 1.5,
        pause: float = 0.5,
    ) -> None:
        self._connect = connect
        self._patience, self._deadline, self._pause = patience, deadline, pause
        self._lent: dict[Lent, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._clock = asyncio.get_running_loop().time
        self._task = asyncio.create_task(self._watch(), name="database: watchdog")

    async def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    @property
    def count(self) -> int:
        """How many are lent."""
        return len(self._lent)

    def lend(self, driver: Lent) -> None:
        """From now on somebody has it."""
        self._lent[driver] = self._clock()

    def take_back(self, driver: Lent) -> None:
        """Nobody has it any more."""
        del self._lent[driver]

    async def _watch(self) -> None:
        pause = self._pause
        while True:
            await asyncio.sleep(pause)
            since = self._clock() - self._patience
            overdue = {driver: at for driver, at in self._lent.items() if at < since}
            answers = not overdue or await self._answers()
            if not answers:
                self._cut(overdue)
            # A server that answers is believed for a while.
            pause = self._patience if overdue and answers else self._pause

    def _cut(self, overdue: dict[Lent, float]) -> None:
        log.warning("the database is silent: %d connections are cut", len(overdue))
        for driver, at in overdue.items():
            if self._lent.get(driver) == at:
                driver.terminate()

    async def _answers(self) -> bool:
        try:
            async with self._in_time():
                connection = await self._connect()
        except _SILENT:
            return False
        except asyncpg.PostgresError:  # refused, in so many words
            return True
        try:
            async with self._in_time():
                return await connection.execute("select 1") == "SELECT 1"
        except (*_SILENT, asyncpg.PostgresError):
            return False
        finally:
            connection.terminate()

    @asynccontextmanager
    async def _in_time(self) -> AsyncGenerator[None]:
        """Ends by the deadline, with TimeoutError.

        Time is counted in short waits, between which the loop hears what has come: while this process itself
        stands still, on a busy machine, next to no time goes by.
        """
        loop, wait = asyncio.get_running_loop(), self._deadline / _WAITS
        async with asyncio.timeout(None) as timeout:

            def wait_on(left: int) -> None:
                nonlocal timer
                if left:
                    timer = loop.call_later(wait, wait_on, left - 1)
                else:
                    timeout.reschedule(loop.time())

            timer = loop.call_later(wait, wait_on, _WAITS - 1)
            try:
                yield
            finally:
                timer.cancel()
