"""What is open for long: sockets and event streams, so that a shutdown can send them off in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from edge.seats import Seats

_CLEAN_UP_SECONDS = 1.0


class Connections:
    """The long connections of this process."""

    def __init__(self, sockets: Seats) -> None:
        self.sockets = sockets
        self.draining = False
        self._open: dict[asyncio.Task[object], Callable[[], None]] = {}
        self._all_gone = asyncio.Event()

    @contextmanager
    def member(self, leave: Callable[[], None]) -> Generator[None]:
        """Count the running task in; `leave` is called once when it has to end."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = leave
        if self.draining:
            self._send_off(task)
        try:
            yield
        finally:
            del self._open[task]
            if not self._open:
                self._all_gone.set()

    async def drain(self, seconds: float) -> None:
        """Take no new connection, and end the old ones one by one, so that not all come back at once.

        Over as soon as all are gone. May be cancelled, and begun again: nobody is told twice.
        """
        self.draining = True
        tasks = list(self._open)
        if not tasks:
            return
        self._all_gone.clear()
        self._send_off(tasks[0])
        for task in tasks[1:]:
            await self._pause(seconds / len(tasks))
            self._send_off(task)
        await asyncio.wait(tasks, timeout=_CLEAN_UP_SECONDS)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._all_gone.wait()

    def _send_off(self, task: asyncio.Task[object]) -> None:
        if (leave := self._open.get(task)) is not None:
            self._open[task] = _told
            leave()


def _told() -> None:
    """It is on its way out already."""
