"""The mouth: one connection that notifies, a message at a time."""

from __future__ import annotations

import asyncio

from errors import Unavailable
from events.connections import LOST, Connection, connect, deadline, hang_up

_NOTIFY = "select pg_notify($1, $2)"


class Publisher:
    """Opens its connection when it needs one, and another after a failure."""

    def __init__(self, dsn: str, channel: str, name: str, *, deadline_seconds: float) -> None:
        self._dsn, self._channel, self._name = dsn, channel, name
        self._deadline_seconds = deadline_seconds
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises Unavailable."""
        async with self._turn:
            await self._opened()

    async def stop(self) -> None:
        """Hang up, once the message under way is through."""
        async with self._turn:
            if self._connection is not None:
                await hang_up(self._connection)

    async def publish(self, payload: str) -> None:
        """Notify all that listen. Raises Unavailable, where nobody knows whether they heard it."""
        async with self._turn:
            connection = await self._opened()
            try:
                with deadline(connection, self._deadline_seconds):
                    await connection.execute(_NOTIFY, self._channel, payload)
            except BaseException as error:
                connection.terminate()
                if isinstance(error, LOST):
                    raise Unavailable() from error
                raise

    async def _opened(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await connect(self._dsn, self._name, self._deadline_seconds)
            except LOST as error:
                raise Unavailable() from error
        return self._connection
