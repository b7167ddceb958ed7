"""What is open for long: sockets and event streams, so that a shutdown can send them off in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager

_CLEAN_UP_SECONDS = 1.0


class Connections:
    """The long connections of this process."""

    def __init__(self) -> None:
        self.draining = False
        self._open: dict[asyncio.Task[object], Callable[[], None]] = {}

    @contextmanager
    def member(self, leave: Callable[[], None]) -> Generator[None]:
        """Count the running task in; `leave` is called once when it has to end."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = leave
        try:
            yield
        finally:
            del self._open[task]

    async def drain(self, seconds: float) -> None:
        """Take no new connection, and end the old ones one by one, so that not all come back at once."""
        self.draining = True
        tasks = list(self._open)
        for task in tasks:
            if (leave := self._open.get(task)) is not None:
                leave()
                await asyncio.sleep(seconds / len(tasks))
        if tasks:
            await asyncio.wait(tasks, timeout=_CLEAN_UP_SECONDS)
