"""Connections that only carry hints: opened and used with a deadline, outside of the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[Any]"

LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"What a connection that is gone, frozen or refused raises."

_GOODBYE_SECONDS = 1.0


async def connect(dsn: str, name: str, seconds: float) -> Connection:
    """A connection whose own writes wait for no disk. Raises one of LOST."""
    settings = {"application_name": name, "synchronous_commit": "off"}
    return await asyncpg.connect(dsn, timeout=seconds, server_settings=settings)


@contextmanager
def deadline(connection: Connection, seconds: float) -> Generator[None]:
    """Cut the connection when the block takes longer, which then raises one of LOST.

    A peer that vanished without a word is found this way, and nobody asks it to cancel anything first.
    """
    timer = asyncio.get_running_loop().call_later(seconds, connection.terminate)
    try:
        yield
    finally:
        timer.cancel()


async def hang_up(connection: Connection) -> None:
    """Close politely if the server answers soon, else cut."""
    try:
        await connection.close(timeout=_GOODBYE_SECONDS)
    except LOST:
        connection.terminate()
