"""The tables in memory are Postgres' twins: the same histories, every statement on both, the same answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import orjson
import pytest

from db import queue
from db.driver import prepare
from db.query import Query
from tests.simulation.store import Fields, Obj, Store
from tests.simulation.world import World

T = TypeVar("T")

HISTORIES = range(0, 10_000, 50)
"Of those of `test_histories`."
_BORN_BY_DEFAULT = {"created_at"}
_CLOCK = """
create schema simulated;
grant usage on schema simulated to public;
create function simulated.clock_timestamp() returns timestamptz language sql volatile
  as $$ select cast(pg_catalog.current_setting('simulated.now') as timestamptz) $$;
"""
_BEGIN = "begin; set local role none; select set_config('simulated.now', '{now}', true)"


class Bridge:
    """A connection to Postgres on a loop and a thread of its own, since the histories' loop is made up."""

    def __init__(self, dsn: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.connection: asyncpg.Connection[Any] = self.call(self._connected(dsn))

    async def _connected(self, dsn: str) -> asyncpg.Connection[Any]:
        connection = await asyncpg.connect(dsn)
        await connection.execute(_CLOCK)
        await prepare(connection)
        # Before pg_catalog, so that the statements read the history's clock where they read Postgres'.
        await connection.execute(
            "set search_path = simulated, pg_catalog, public; set synchronous_commit = off"
        )
        return connection

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(60)

    def close(self) -> None:
        self.call(self.connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def bridge(cluster: Any) -> Iterator[Bridge]:
    with cluster.database() as dsn:
        bridge = Bridge(dsn)
        yield bridge
        bridge.close()


class Twins(Store):
    """Both stores in one. Raises AssertionError where they differ."""

    def __init__(self, bridge: Bridge, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._bridge = bridge
        self._is_open = False

    def enter(self, user_id: UUID) -> None:
        """The one user of a history."""
        super().enter(user_id)
        self._execute("set role none; delete from events; delete from users; delete from sweeps")
        self._execute(f"insert into users (id) values ('{user_id}')")
        self._execute(f"insert into sweeps (name, at) values ('retention', '{self._now().isoformat()}')")

    def run(self, query: Query[Any], given: Fields) -> list[Obj]:
        mine = super().run(query, given)
        theirs = self._bridge.call(self._fetch(query, given))
        if query is not queue._LOCK_KEY:
            _compare(query, mine, theirs)
        return mine

    def touch(self, query: Query[Any], given: Fields) -> int:
        mine = super().touch(query, given)
        status = self._bridge.call(self._run(query, given))
        assert mine == int(status.rpartition(" ")[2]), query.sql
        return mine

    def rollback(self) -> None:
        super().rollback()
        self._end("rollback")

    def commit(self) -> None:
        super().commit()
        self._end("commit")

    def _end(self, how: str) -> None:
        if self._is_open:
            self._execute(how)
        self._is_open = False

    async def _fetch(self, query: Query[Any], given: Fields) -> list[asyncpg.Record]:
        await self._open()
        return await self._bridge.connection.fetch(query.sql, *query.arguments(given))

    async def _run(self, query: Query[Any], given: Fields) -> str:
        await self._open()
        return await self._bridge.connection.execute(query.sql, *query.arguments(given))

    async def _open(self) -> None:
        if not self._is_open:
            await self._bridge.connection.execute(_BEGIN.format(now=self._now().isoformat()))
            self._is_open = True

    def _execute(self, statement: str) -> None:
        self._bridge.call(self._bridge.connection.execute(statement))

    def compare_all(self) -> None:
        """Every table, row by row."""
        self._compare_table("select * from executions order by id", self.runs.values(), "id")
        self._compare_table("select * from steps order by id", self.steps.values(), "id")
        logged = [Obj(stream=stream, **event) for stream, log in self.logs.items() for event in log]
        self._compare_table(
            "select stream, seq, kind, payload from events order by stream, seq", logged, "stream", "seq"
        )

    def _compare_table(self, statement: str, mine: Any, *key: str) -> None:
        theirs = self._bridge.call(self._bridge.connection.fetch(statement))
        ordered = sorted(mine, key=lambda row: tuple(row[name] for name in key))
        assert len(ordered) == len(theirs)
        for a, b in zip(ordered, theirs, strict=True):
            _compare_rows(statement, a, b)


def _compare(query: Query[Any], mine: list[Obj], theirs: list[asyncpg.Record]) -> None:
    assert len(mine) == len(theirs), query.sql
    if mine and "id" in theirs[0].keys():  # noqa: SIM118 - a Record is no dict
        mine, theirs = (sorted(rows, key=lambda row: row["id"]) for rows in (mine, theirs))
    for a, b in zip(mine, theirs, strict=True):
        _compare_rows(query.sql, a, b)


def _compare_rows(statement: str, mine: Obj, theirs: asyncpg.Record) -> None:
    told = {name: value for name, value in theirs.items() if name in mine and name not in _BORN_BY_DEFAULT}
    kept = {name: mine[name] for name in told}
    assert _plain(kept) == _plain(told), statement


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """As JSON tells it: that is all that comes back of an event."""
    return {name: _as_json(value) if isinstance(value, dict | list) else value for name, value in row.items()}


def _as_json(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, default=str))


def test_both_live_the_same_histories(bridge: Bridge) -> None:
    """Two hundred of them, with all their crashes; after each, every row of both is the same."""
    for seed in HISTORIES:
        world = World(seed, lambda now: Twins(bridge, now))
        try:
            world.live()
            world.store.compare_all()
        except BaseException as error:
            error.add_note(f"in the history of seed {seed}")
            raise
