"""The ear: one LISTEN connection that proves it lives, and comes back when it does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from errors import Unavailable
from events.backoff import Backoff
from events.connections import LOST, Connection, connect, deadline, hang_up

log = logging.getLogger(__name__)

# Proves the connection, and also lets Postgres forget what every listener has read: its queue of
# notifications, once it was full, stays so until somebody asks this.
_PROBE = "select pg_notification_queue_usage()"


class Listener:
    """Calls `on_message` for each notification, and `on_gap` when it was deaf for a while."""

    def __init__(
        self,
        dsn: str,
        channel: str,
        name: str,
        on_message: Callable[[str], None],
        on_gap: Callable[[], None],
        *,
        probe_seconds: float,
        deadline_seconds: float,
    ) -> None:
        self._dsn, self._channel, self._name = dsn, channel, name
        self._on_message, self._on_gap = on_message, on_gap
        self._probe_seconds, self._deadline_seconds = probe_seconds, deadline_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from here on. Raises Unavailable where the first connection fails."""
        try:
            connection = await self._open()
        except LOST as error:
            raise Unavailable() from error
        self._task = asyncio.create_task(self._run(connection), name="hints: listen")

    async def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, connection: Connection) -> None:
        while True:
            try:
                await self._hear(connection)
            except LOST as error:
                log.warning("hints: the listening connection is lost: %r", error)
            finally:
                await hang_up(connection)
            connection = await self._reopen()
            self._on_gap()

    async def _hear(self, connection: Connection) -> None:
        """Go on until the connection is gone, then raise one of LOST."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        while True:
            with deadline(connection, self._deadline_seconds):
                await connection.execute(_PROBE)
            if await _came(lost, self._probe_seconds):
                raise ConnectionResetError("closed by the server")

    async def _reopen(self) -> Connection:
        backoff = Backoff()
        while True:
            try:
                return await self._open()
            except LOST as error:
                seconds = backoff.failed()
                log.warning("hints: cannot listen: %r; again in %.2f s", error, seconds)
                await asyncio.sleep(seconds)

    async def _open(self) -> Connection:
        connection = await connect(self._dsn, self._name, self._deadline_seconds)
        try:
            with deadline(connection, self._deadline_seconds):
                await connection.add_listener(self._channel, self._hand_on)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _hand_on(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._on_message(str(payload))


async def _came(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
