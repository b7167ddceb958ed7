"""Collects hints and sends them on, many in one message; what it loses costs a reader one poll."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from events.backoff import Backoff
from events.hints import Hints, pack
from telemetry import metrics

log = logging.getLogger(__name__)

_LAST_WORDS_SECONDS = 1.0


class Notifier:
    """One sender behind a dict. The first hint goes at once; what comes while it is sent, and for
    `gather_seconds` after, goes together. At most `most_topics` wait while nothing can be sent."""

    def __init__(
        self,
        publish: Callable[[str], Awaitable[None]],
        *,
        gather_seconds: float = 0.002,
        most_topics: int = 10_000,
    ) -> None:
        self._publish = publish
        self._gather_seconds, self._most_topics = gather_seconds, most_topics
        self._waiting: Hints = {}
        self._news = asyncio.Event()
        self._backoff = Backoff()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run(), name="hints: send")

    async def stop(self) -> None:
        """Send what waits, if that takes no longer than a second."""
        if self._task is None:
            return
        self._stopping = True
        self._news.set()
        await asyncio.wait({self._task}, timeout=_LAST_WORDS_SECONDS)
        self._task.cancel()
        await asyncio.wait({self._task})

    def send(self, hints: Mapping[str, int]) -> None:
        """Have these sent soon. Never waits, never raises; of one topic only the newest seq is sent."""
        waiting = self._waiting
        for topic, seq in hints.items():
            if topic in waiting or len(waiting) < self._most_topics:
                waiting[topic] = max(seq, waiting.get(topic, seq))
        self._news.set()

    async def _run(self) -> None:
        while not self._stopping:
            await self._news.wait()
            self._news.clear()
            await self._send_all()
            await asyncio.sleep(self._gather_seconds)
        await self._send_all()

    async def _send_all(self) -> None:
        hints, self._waiting = self._waiting, {}
        for message, carried in pack(hints):
            await self._send_one(message, carried)

    async def _send_one(self, message: str, carried: Hints) -> None:
        try:
            await self._publish(message)
        except Exception as error:  # a backend may raise whatever its driver does
            self.send(carried)
            seconds = self._backoff.failed()
            log.warning("hints: cannot send: %r; again in %.2f s", error, seconds)
            await asyncio.sleep(seconds)
        else:
            metrics.hints_sent.inc(len(carried))
            self._backoff.succeeded()
