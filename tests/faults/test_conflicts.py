"""Transactions that get in each other's way: one of them is begun anew, and nobody is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import pytest

from app import Server
from settings import Settings
from tests.api import Api, User
from tests.client import GraphQLErrors

pytestmark = pytest.mark.anyio

UPDATE = """
mutation ($input: UpdateTaskInput!) {
  updateTask(input: $input) { __typename ... on UpdateTaskSuccess { task { title } } }
}"""
_WAITED_FOR = """
    select count(*), pg_sleep(0.01) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))
"""


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[User]:
    """Somebody who asks an application of this test's own."""
    server = Server(settings)
    app = server.application()
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            yield await Api(server.services, http).user()


async def waited_for(watch: asyncpg.Connection, holder: asyncpg.Connection) -> None:
    """Until somebody waits for what the holder has locked."""
    async with asyncio.timeout(20):
        while not await watch.fetchval(_WAITED_FOR, holder.get_server_pid()):
            pass


async def test_the_victim_of_a_deadlock_is_begun_anew(
    settings: Settings, dsn: str, watch: asyncpg.Connection
) -> None:
    """We lock the task and then its user; a mutation goes the other way round, and is the one to give in."""
    holder = await asyncpg.connect(dsn, server_settings={"deadlock_timeout": "60s"})
    async with asking(settings) as ada:
        task = await ada.create()
        async with holder.transaction():
            await holder.execute("select id from tasks for update")
            changing = asyncio.create_task(ada.one(UPDATE, input={"id": task["id"], "title": "Changed"}))
            await waited_for(watch, holder)
            await holder.execute("select id from users for update")
        answer = await changing
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    holder.terminate()

    assert answer["task"] == {"title": "Changed"}
    async with asyncio.timeout(20):  # the statistics come when they come
        while not await watch.fetchval(deadlocks):
            await watch.execute("select pg_sleep(0.05)")


async def test_where_postgres_serialises_whoever_comes_second_is_begun_anew(
    settings: Settings, dsn: str, watch: asyncpg.Connection
) -> None:
    """An operator may have made `repeatable read` the default: a row that changed meanwhile is an error."""
    name = await watch.fetchval("select current_database()")
    await watch.execute(f"alter database {name} set default_transaction_isolation = 'repeatable read'")
    async with asking(settings) as ada:
        answers = await asyncio.gather(*(ada.create(f"task {n}") for n in range(3)), return_exceptions=True)
        refused = [one for one in answers if isinstance(one, GraphQLErrors)]

    assert not refused
    assert await watch.fetch("select number from tasks order by 1") == [(1,), (2,), (3,)]
