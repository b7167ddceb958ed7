"""Whoever waits on a server that has gone silent is told; whoever waits for a lock waits on."""

from __future__ import annotations

import asyncio

import pytest

from db.connection import Database
from db.query import Query
from errors import Unavailable
from tests.events.parts import connection, proxy

pytestmark = pytest.mark.anyio

_ONE = Query("select 1 as one")
_LOCK = Query("select pg_advisory_xact_lock(1)")


async def test_a_silent_server_is_unavailable_soon_and_fine_when_it_speaks_again(dsn: str) -> None:
    """Nobody closes anything: no byte arrives, also on new connections."""
    async with proxy(dsn) as road:
        db = Database(road.dsn, size=2, name="test silence")
        await db.open()
        road.go_silent()
        road.mute = True
        with pytest.raises(Unavailable):
            async with asyncio.timeout(10), db.as_system() as session:
                await session.one(_ONE)

        road.mute = False

        async with db.as_system() as session:
            assert (await session.one(_ONE))["one"] == 1
        await db.close()


async def test_a_wait_for_a_lock_is_no_silence(dsn: str) -> None:
    """Longer than the patience of the watchdog and its question together."""
    async with connection(dsn) as holder:
        await holder.execute("select pg_advisory_lock(1)")
        db = Database(dsn, size=1, name="test lock")
        await db.open()
        async with db.as_system() as session:
            waiting = asyncio.create_task(session.run(_LOCK))
            await holder.execute("select pg_sleep(4.5)")
            assert not waiting.done()
            await holder.execute("select pg_advisory_unlock(1)")
            await waiting
        await db.close()


async def test_what_idles_in_a_transaction_lets_go_of_its_locks(dsn: str) -> None:
    """As a frozen process does: others go on, and it is told that its connection is gone."""
    db = Database(dsn, size=1, name="test idle", idle_seconds=0.3)
    await db.open()

    async def freeze() -> None:
        async with db.as_system() as session:
            await session.run(_LOCK)
            async with connection(dsn) as other:
                await other.execute("select pg_advisory_lock(1)")
            await session.one(_ONE)

    with pytest.raises(Unavailable):
        await freeze()
    await db.close()
