"""A worker has so many slots: what it takes of the queue, and how it keeps what it has."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from db.query import Query, Row
from engine.models.model import Answer
from engine.tools.tool import Call
from engine.topics import CANCEL_TOPIC
from tests.api import Api
from tests.counting import counted
from tests.runs.parts import Script, calls, playing, tool

pytestmark = pytest.mark.anyio


class LeaseRow(Row):
    """A run under a lease."""

    lease_until: datetime


_LEASES = Query("select lease_until from executions where lease_owner is not null", LeaseRow)


class Turnstile:
    """A tool at which runs stand in line until they are let through, one for each word."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[Call] = asyncio.Queue()
        self.word = asyncio.Semaphore(0)
        self.inside = self.most = 0

    async def stand(self, call: Call) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.arrived.put_nowait(call)
        await self.word.acquire()
        self.inside -= 1
        return "through"

    async def until_arrived(self, count: int) -> None:
        async with asyncio.timeout(20):
            for _ in range(count):
                await self.arrived.get()

    def let_through(self, count: int) -> None:
        for _ in range(count):
            self.word.release()


async def test_a_worker_takes_as_many_as_it_has_free_slots(api: Api) -> None:
    """One more when one is through, and never more than that."""
    api.services.settings.worker_slots = 2
    ada, turnstile = await api.user(), Turnstile()
    runs = [(await ada.start("x"))["execution"]["id"] for _ in range(5)]

    async with playing(api, Script(calls("it"), Answer("done")), [tool("it", turnstile.stand)]) as worker:
        await turnstile.until_arrived(2)
        held = len(await leases(api))
        turnstile.let_through(1)
        await turnstile.until_arrived(1)
        count = worker.count
        turnstile.let_through(4)
        ended = [await ada.finished(run) for run in runs]

    assert (held, count, turnstile.most) == (2, 2, 2)
    assert {run["status"] for run in ended} == {"COMPLETED"}


async def test_the_leases_of_all_its_runs_are_renewed_in_one_statement(api: Api) -> None:
    ada, turnstile = await api.user(), Turnstile()
    runs = [(await ada.start("x"))["execution"]["id"] for _ in range(5)]

    async with playing(api, Script(calls("it"), Answer("done")), [tool("it", turnstile.stand)]):
        await turnstile.until_arrived(5)
        newest = max(await leases(api))
        with counted() as statements:
            async with api.services.db.as_system() as session:
                session.hint(CANCEL_TOPIC)  # each renewal looks who is asked to stop, so this asks for one
            await until_all_are_after(newest, api)
        turnstile.let_through(5)
        for run in runs:
            await ada.finished(run)

    assert sum(count for sql, count in statements.items() if "set lease_until" in sql) == 1


async def until_all_are_after(time: datetime, api: Api) -> None:
    async with asyncio.timeout(20):
        held = await leases(api)
        while min(held) <= time:
            held = await leases(api)


async def leases(api: Api) -> list[datetime]:
    """Until when each run that is held is held."""
    async with api.services.db.as_system() as session:
        return [row.lease_until for row in await session.all(_LEASES)]
