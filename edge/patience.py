"""How long one operation may run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

MOST_EXTRA_SECONDS = 30.0


class Patience:
    """A timeout that the operation itself may put off, within bounds; None seconds never run out.

    For one operation, and half the price of `asyncio.timeout`, whose rules it keeps: who is cancelled from
    elsewhere is cancelled, whatever the clock says.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._extra = MOST_EXTRA_SECONDS
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def more(self, seconds: float) -> None:
        """Grant so much more time, as far as there is any left to grant."""
        timer = self._timer
        if timer is None or self._is_over:
            return
        granted = max(0.0, min(seconds, self._extra))
        self._extra -= granted
        timer.cancel()
        self._timer = self._loop.call_at(timer.when() + granted, self._end)

    async def hold(self, work: Awaitable[T]) -> T:
        """The result of the work. Cancels it and raises TimeoutError when the time is over."""
        if self._seconds is None:
            return await work
        self._loop = asyncio.get_running_loop()
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelled_before = task.cancelling()
        self._timer = self._loop.call_later(self._seconds, self._end)
        try:
            return await work
        except asyncio.CancelledError as error:
            if self._was_ours():
                raise TimeoutError from error
            raise
        finally:
            self._was_ours()

    def _end(self) -> None:
        assert self._task is not None
        self._is_over = True
        self._task.cancel()

    def _was_ours(self) -> bool:
        """Whether the clock alone cancelled the task. Takes it back and stops the clock: asked again, no."""
        timer, self._timer = self._timer, None
        if timer is None or self._task is None:
            return False
        timer.cancel()
        return self._is_over and self._task.uncancel() <= self._cancelled_before
