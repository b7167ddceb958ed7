"""Whoever waits on a server that has gone silent is told; whoever waits for a lock waits on."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from db.connection import Database
from db.query import Query
from db.watchdog import Watchdog
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


class Lent:
    """A connection that somebody has."""

    is_cut = False

    def terminate(self) -> None:
        self.is_cut = True


class Probe:
    """A server that answers at once, as soon as it is heard."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def connect(self) -> Any:
        asyncio.get_running_loop().call_soon(time.sleep, 0.4)
        await asyncio.sleep(0.01)
        return self

    async def execute(self, _: str) -> str:
        return "SELECT 1"

    def terminate(self) -> None:
        self.over.set()


async def test_a_process_that_stands_still_takes_no_server_for_silent() -> None:
    """As on a machine with too much to do: the answer was there before we looked."""
    lent, probe = Lent(), Probe()
    dog = Watchdog(probe.connect, patience=0, deadline=0.3, pause=0.01)
    dog.start()
    dog.lend(lent)

    await probe.over.wait()
    await dog.stop()

    assert not lent.is_cut


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
