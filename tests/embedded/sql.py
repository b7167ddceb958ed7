"""One statement in a session of its own."""

from __future__ import annotations

import asyncio

import asyncpg


def value(url: str, statement: str) -> object:
    """The first value of the first row."""
    return asyncio.run(_value(url, statement))


def answers(url: str) -> bool:
    """Whether a session can be opened and a statement run."""
    try:
        return value(url, "select 1") == 1
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
