"""How long one operation may run."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

MOST_EXTRA_SECONDS = 30.0


class Patience:
    """A timeout that the operation itself may put off, within bounds; None seconds never run out.

    As a context manager it cancels what it holds and raises TimeoutError when the time is over.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._extra = MOST_EXTRA_SECONDS
        self._timeout: asyncio.Timeout | None = None

    def more(self, seconds: float) -> None:
        """Grant so much more time, as far as there is any left to grant."""
        timeout = self._timeout
        if timeout is None or timeout.expired():
            return
        granted = max(0.0, min(seconds, self._extra))
        self._extra -= granted
        when = timeout.when()
        if when is not None:
            timeout.reschedule(when + granted)

    async def __aenter__(self) -> Self:
        timeout = asyncio.timeout(self._seconds)
        await timeout.__aenter__()
        self._timeout = timeout
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        timeout, self._timeout = self._timeout, None
        assert timeout is not None
        return await timeout.__aexit__(kind, error, trace)
