"""Where hints come in and go out: the one place of a process that knows who waits for what."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Protocol
from uuid import uuid4

from broadcaster import Broadcast
from broadcaster import Event as Message

from events.backend import PostgresBackend, RedisBackend
from events.bell import Bell
from events.hints import GAP, unpack
from events.notifier import Notifier
from telemetry import metrics

log = logging.getLogger(__name__)

_CHANNEL = "hints"


class Ear(Protocol):
    """Who hears all hints. Must not raise: it stands between the hints and everybody else."""

    def hear(self, hints: Mapping[str, int]) -> None:
        """Topics, each with its newest seq."""
        ...

    def hear_all(self) -> None:
        """Hints may have been lost."""
        ...


class Hub:
    """Rings the bells of a topic when any process publishes it. Works with each backend of `broadcaster`.

    It sends itself a hint every `pulse_seconds`: whether that came back within `pulse_deadline_seconds`
    is whether the hub is healthy. An unhealthy hub costs readers nothing but their poll.
    """

    def __init__(
        self, broadcast: Broadcast, *, pulse_seconds: float = 5, pulse_deadline_seconds: float = 2
    ) -> None:
        self._broadcast = broadcast
        self._notifier = Notifier(self._publish)
        self._bells: dict[str, set[Bell]] = {}
        self._ears: list[Ear] = []
        self._pulse = f"pulse {uuid4().hex}"
        self._pulse_seconds, self._pulse_deadline_seconds = pulse_seconds, pulse_deadline_seconds
        self._open = AsyncExitStack()
        self.healthy = False
        "Whether hints arrive, by the newest proof."

    async def start(self) -> None:
        """Connect. Raises what the backend does; ours: Unavailable."""
        async with AsyncExitStack() as stack:
            await self._broadcast.connect()
            stack.push_async_callback(self._disconnect)
            hints = await stack.enter_async_context(self._broadcast.subscribe(_CHANNEL))
            self._notifier.start()
            stack.push_async_callback(self._notifier.stop)
            for work in (self._hear(hints.get), self._prove()):
                stack.push_async_callback(_end, asyncio.create_task(work, name="hints: hub"))
            self._open = stack.pop_all()

    async def stop(self) -> None:
        """Send what waits to be sent, within a second, and disconnect."""
        self.healthy = False
        await self._open.aclose()

    def publish(self, hints: Mapping[str, int]) -> None:
        """Ring these topics everywhere, soon. Never waits, never raises; a hint may be lost."""
        self._notifier.send(hints)

    @contextmanager
    def listen(self, topic: str) -> Generator[Bell]:
        """A bell that rings for this topic from now on. Read the table once before the first wait."""
        bell = Bell()
        bells = self._bells.setdefault(topic, set())
        bells.add(bell)
        try:
            yield bell
        finally:  # nothing here may wait: whoever leaves may be cancelled again
            bells.discard(bell)
            if not bells and self._bells.get(topic) is bells:
                del self._bells[topic]

    def lend(self, ear: Ear) -> None:
        """Have it hear everything from now on."""
        self._ears.append(ear)

    def ring_all(self) -> None:
        """Have everybody look: hints may have been lost."""
        for ear in self._ears:
            ear.hear_all()
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()

    async def _hear(self, next_message: Callable[[], Awaitable[Message]]) -> None:
        while True:
            self._ring((await next_message()).message)

    def _ring(self, message: str) -> None:
        if message == GAP:
            self.ring_all()
            return
        hints = unpack(message)
        metrics.hints_heard.inc(len(hints))
        for ear in self._ears:
            ear.hear(hints)
        for topic in hints:
            for bell in self._bells.get(topic, ()):
                bell.ring()

    async def _prove(self) -> None:
        while True:
            with self.listen(self._pulse) as bell:
                sent_at = time.perf_counter()
                self.publish({self._pulse: 0})
                came = await bell.wait(self._pulse_deadline_seconds)
            if came:
                metrics.hint_lag.observe(time.perf_counter() - sent_at)
            self._judge(came)
            if came:
                await asyncio.sleep(self._pulse_seconds)

    def _judge(self, came: bool) -> None:
        """A backend need not say that it was deaf: the first hint after a silence means the same."""
        if came and not self.healthy:
            self.ring_all()
        if self.healthy and not came:
            log.warning("hints: none arrive; readers poll until they do")
        self.healthy = came

    async def _publish(self, message: str) -> None:
        await self._broadcast.publish(_CHANNEL, message)

    async def _disconnect(self) -> None:
        try:
            await self._broadcast.disconnect()
        except Exception as error:  # where a backend's listener failed, `broadcaster` says so only here
            log.warning("hints: disconnected after a failure: %r", error)


@asynccontextmanager
async def open_hub(dsn: str, name: str = "baton", url: str | None = None) -> AsyncGenerator[Hub]:
    """A hub over Postgres, while the block runs; `name` begins the names of its two connections. With a
    `url` of Redis: over that.

    Raises Unavailable where neither answers.
    """
    backend = PostgresBackend(dsn, name=name) if url is None else RedisBackend(url)
    hub = Hub(Broadcast(backend=backend))
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
