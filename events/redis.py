"""Hints over Redis: a subscription that proves that it lives and comes back, and a publisher."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from redis import RedisError
from redis.asyncio import Redis

from errors import Unavailable
from events.backoff import Backoff

log = logging.getLogger(__name__)

_LOST = (OSError, TimeoutError, RedisError)
_PROBE_SECONDS = 5.0


def _client(url: str, seconds: float) -> Any:
    """A client that is never stuck for longer than this. Its methods have no types that can be relied on."""
    make = cast("Any", Redis).from_url
    return make(url, socket_timeout=seconds, socket_connect_timeout=seconds, decode_responses=True)


class RedisListener:
    """Calls `on_message` for each payload, and `on_gap` when it was deaf for a while."""

    def __init__(
        self,
        url: str,
        channel: str,
        on_message: Callable[[str], None],
        on_gap: Callable[[], None],
        *,
        deadline_seconds: float,
    ) -> None:
        self._client = _client(url, deadline_seconds)
        self._channel, self._on_message, self._on_gap = channel, on_message, on_gap
        self._deadline_seconds = deadline_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from here on. Raises Unavailable where the first connection fails."""
        try:
            subscription = await self._subscribe()
        except _LOST as error:
            raise Unavailable() from error
        self._task = asyncio.create_task(self._run(subscription), name="hints: listen")

    async def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._client.aclose()

    async def _run(self, subscription: Any) -> None:
        while True:
            try:
                await self._hear(subscription)
            except _LOST as error:
                log.warning("hints: the subscription is lost: %r", error)
            finally:
                await subscription.aclose()
            subscription = await self._reopen()
            self._on_gap()

    async def _hear(self, subscription: Any) -> None:
        """Go on until the connection is gone, then raise one of _LOST. Silence is broken by a ping."""
        while True:
            message = await subscription.get_message(timeout=_PROBE_SECONDS)
            if message is None:
                await subscription.ping()
                message = await subscription.get_message(timeout=self._deadline_seconds)
                if message is None:
                    raise TimeoutError("no answer to a ping")
            if message["type"] == "message":
                self._on_message(message["data"])

    async def _reopen(self) -> Any:
        backoff = Backoff()
        while True:
            try:
                return await self._subscribe()
            except _LOST as error:
                seconds = backoff.failed()
                log.warning("hints: cannot subscribe: %r; again in %.2f s", error, seconds)
                await asyncio.sleep(seconds)

    async def _subscribe(self) -> Any:
        subscription = self._client.pubsub()
        try:
            await subscription.subscribe(self._channel)
        except BaseException:
            await subscription.aclose()
            raise
        return subscription


class RedisPublisher:
    """Its client opens a connection when it needs one, and another after a failure."""

    def __init__(self, url: str, channel: str, *, deadline_seconds: float) -> None:
        self._client = _client(url, deadline_seconds)
        self._channel = channel

    async def start(self) -> None:
        """Connect. Raises Unavailable."""
        try:
            await self._client.ping()
        except _LOST as error:
            raise Unavailable() from error

    async def stop(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def publish(self, payload: str) -> None:
        """Tell all that listen. Raises Unavailable, where nobody knows whether they heard it."""
        try:
            await self._client.publish(self._channel, payload)
        except _LOST as error:
            raise Unavailable() from error
