"""One connection of the driver: how it is prepared, and what it means when it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import asyncpg.pool
import orjson

from db.query import API_ROLE
from errors import Unavailable

log = logging.getLogger("baton.db")

Lent: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"
Driver: TypeAlias = "asyncpg.Connection[Any] | Lent"

# Connections keep the API's role, so that nothing is seen by mistake: the system must ask to see more.
# A database that was never migrated has no such role, and nothing to see either.
_KEEP_ROLE = f"""
do $$ begin
  if exists (select from pg_roles where rolname = '{API_ROLE}') then set role {API_ROLE}; end if;
end $$
"""
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's last word came between two of ours
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
)
"A connection is lost, or the server is about to go."
CLOSE_SECONDS = 5.0
"How long is waited for an end in good order."


async def prepare(driver: Driver) -> None:
    """Give a connection our codecs and the API's role."""
    await teach_json(driver)
    await driver.execute(_KEEP_ROLE)


async def teach_json(driver: Driver) -> None:
    """Jsonb comes and goes as Python values."""
    await driver.set_type_codec(
        "jsonb", encoder=_encode_json, decoder=orjson.loads, schema="pg_catalog", format="text"
    )


def _encode_json(value: object) -> str:
    return orjson.dumps(value, default=_encode_uuid).decode()


def _encode_uuid(value: object) -> str:
    """The driver's UUIDs are a subclass, which orjson does not take for one."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


async def keep(driver: Driver) -> None:
    """Nothing to reset: all that we set, but for the role, ends with its transaction."""


@contextmanager
def reaching(driver: Driver | None) -> Generator[None]:
    """A lost connection is Unavailable; a wrong use of a good one stays the fault of ours that it is."""
    try:
        yield
    except (*LOST, TimeoutError) as error:
        if isinstance(error, asyncpg.InterfaceError) and driver is not None and not is_closed(driver):
            raise
        log.warning("the database cannot be reached: %r", error)
        raise Unavailable() from error


def is_closed(driver: Driver) -> bool:
    try:
        return driver.is_closed()
    except asyncpg.InterfaceError:  # the pool took a lost connection back before us
        return True


async def roll_back(driver: Driver) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await driver.execute("rollback")
    except (*LOST, TimeoutError, asyncpg.PostgresError):
        if not is_closed(driver):
            driver.terminate()
