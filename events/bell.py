"""What a reader waits for: rung once or a hundred times, it says one thing: look at the table."""

from __future__ import annotations

import asyncio


class Bell:
    """One reader's. A ring between two waits ends the next one at once; a cancelled wait loses none."""

    __slots__ = ("_rung", "_waiter")

    def __init__(self) -> None:
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """End the wait that is under way, or the next one."""
        self._rung = True
        if self._waiter is not None:
            _let_go(self._waiter)

    async def wait(self, seconds: float) -> bool:
        """Whether it was rung, since the last wait that said so or within these seconds."""
        if not self._rung:
            await self._sleep(seconds)
        rung, self._rung = self._rung, False
        return rung

    async def _sleep(self, seconds: float) -> None:
        if self._waiter is not None:
            raise RuntimeError("a bell has one reader")
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(seconds, _let_go, self._waiter)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None


def _let_go(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
