"""Postgres and Redis behind `broadcaster`: what its own backends do not survive, these do.

Those fall silent for good when their connection is lost, and queue without bound.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

from broadcaster import BroadcastBackend, Event

from events.hints import GAP
from events.listener import Listener
from events.publisher import Publisher
from events.redis import RedisListener, RedisPublisher

_CHANNEL = "baton"


class Ear(Protocol):
    """Listens for all channels, and comes back by itself when it was cut off."""

    async def start(self) -> None:
        """Raises Unavailable where it cannot listen now."""
        ...

    async def stop(self) -> None: ...


class Mouth(Protocol):
    """Sends a payload to all who listen."""

    async def start(self) -> None:
        """Raises Unavailable."""
        ...

    async def stop(self) -> None: ...
    async def publish(self, payload: str) -> None:
        """Raises Unavailable."""
        ...


class Backend(BroadcastBackend):
    """All channels of `broadcaster` share one of whatever carries them.

    After anything that may have lost a message, each channel gets a GAP. At most `most_pending` messages
    wait to be taken; one more, and a GAP stands for all of them.
    """

    _listener: Ear
    _publisher: Mouth

    def __init__(self, most_pending: int = 10_000) -> None:
        self._channels: set[str] = set()
        self._most_pending = most_pending
        self._pending: deque[Event] = deque()
        self._arrived = asyncio.Event()

    async def connect(self) -> None:
        """Raises Unavailable where the database does not answer now; later it will be waited for."""
        await self._publisher.start()
        try:
            await self._listener.start()
        except BaseException:
            await self._publisher.stop()
            raise

    async def disconnect(self) -> None:
        await self._listener.stop()
        await self._publisher.stop()

    # These two must not suspend: between a look at its subscribers and the call of these, `Broadcast`
    # would lose one.
    async def subscribe(self, group: str) -> None:
        self._channels.add(group)

    async def unsubscribe(self, group: str) -> None:
        self._channels.discard(group)

    async def publish(self, channel: str, message: Any) -> None:
        """Raises Unavailable."""
        await self._publisher.publish(f"{channel}\n{message}")

    async def next_published(self) -> Event:
        while not self._pending:
            self._arrived.clear()
            await self._arrived.wait()
        return self._pending.popleft()

    def _take(self, payload: str) -> None:
        channel, _, message = payload.partition("\n")
        if channel not in self._channels:
            return
        if len(self._pending) < self._most_pending:
            self._pending.append(Event(channel, message))
            self._arrived.set()
        else:
            self._gap()

    def _gap(self) -> None:
        self._pending = deque(Event(channel, GAP) for channel in self._channels)
        self._arrived.set()


class PostgresBackend(Backend):
    """Two connections of its own: one listens, one notifies."""

    def __init__(
        self,
        dsn: str,
        *,
        name: str = "baton",
        probe_seconds: float = 5,
        deadline_seconds: float = 3,
        most_pending: int = 10_000,
    ) -> None:
        super().__init__(most_pending)
        self._listener = Listener(
            dsn,
            _CHANNEL,
            f"{name} listen",
            self._take,
            self._gap,
            probe_seconds=probe_seconds,
            deadline_seconds=deadline_seconds,
        )
        self._publisher = Publisher(dsn, _CHANNEL, f"{name} notify", deadline_seconds=deadline_seconds)


class RedisBackend(Backend):
    """The same over Redis: one connection subscribes, one publishes."""

    def __init__(self, url: str, *, deadline_seconds: float = 3) -> None:
        super().__init__()
        self._listener = RedisListener(
            url, _CHANNEL, self._take, self._gap, deadline_seconds=deadline_seconds
        )
        self._publisher = RedisPublisher(url, _CHANNEL, deadline_seconds=deadline_seconds)
