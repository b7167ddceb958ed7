"""The only room that opens connections: a pool, and transactions that know whose rows they may see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import asyncpg.pool
import orjson

from db.query import Query, Row
from errors import Unauthenticated, Unavailable

log = logging.getLogger("baton.db")

R = TypeVar("R", bound=Row)
T = TypeVar("T")
Hints = dict[str, int]
Driver: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

API_ROLE = "baton_api"
"The role of every transaction for a user: row-level security binds it."

_AS_USER = "begin; select set_config('role', '{role}', true), set_config('baton.user_id', '{user}', true)"
_LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError, OSError)
_CLOSE_SECONDS = 5.0
_TRIES = 3


class Session:
    """One open transaction. Who is handed a session never commits: who opened it does."""

    def __init__(self, driver: Driver, user_id: UUID | None) -> None:
        self._driver = driver
        self.user_id = user_id
        self.hints: Hints = {}
        "Topics to be hinted once this is committed, each with its newest seq."

    async def all(self, query: Query[R], **parameters: object) -> list[R]:
        """Every row of the answer."""
        arguments = query.arguments(parameters)
        with _reaching(self._driver):
            return await self._driver.fetch(query.sql, *arguments, record_class=query.row)

    async def first(self, query: Query[R], **parameters: object) -> R | None:
        """The first row, or None where there is none."""
        arguments = query.arguments(parameters)
        with _reaching(self._driver):
            return await self._driver.fetchrow(query.sql, *arguments, record_class=query.row)

    async def one(self, query: Query[R], **parameters: object) -> R:
        """The row of a statement that always has one."""
        row = await self.first(query, **parameters)
        if row is None:
            raise LookupError(query.sql)
        return row

    async def run(self, query: Query[Any], **parameters: object) -> int:
        """Carry out a statement that returns nothing; answers how many rows it touched."""
        arguments = query.arguments(parameters)
        with _reaching(self._driver):
            status = await self._driver.execute(query.sql, *arguments)
        tail = status.rpartition(" ")[2]
        return int(tail) if tail.isdigit() else 0

    def hint(self, topic: str, seq: int = 0) -> None:
        """After the commit, tell everyone who waits on this topic to look at the table."""
        self.hints[topic] = max(seq, self.hints.get(topic, 0))


class Database:
    """A pool of connections. Opens transactions, commits them, and then passes on their hints."""

    def __init__(self, dsn: str, *, size: int, name: str, acquire_seconds: float = 5) -> None:
        self._dsn, self._size, self._name = dsn, size, name
        self._acquire_seconds = acquire_seconds
        self._pool: asyncpg.Pool[Any] | None = None
        # Who waits longest is next: the pool alone lets whoever comes by at the right moment go first.
        self._turns = asyncio.Semaphore(size)
        self.on_commit: Callable[[Hints], None] = _nobody_listens

    async def open(self) -> None:
        """Connect. Raises Unavailable where the database does not answer."""
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._size,
                timeout=self._acquire_seconds,
                command_timeout=30,
                init=prepare,
                reset=_keep,
                server_settings={
                    "application_name": self._name,
                    "idle_in_transaction_session_timeout": "60000",
                },
            )
        except (*_LOST, asyncpg.PostgresError, TimeoutError) as error:
            raise Unavailable() from error

    async def close(self) -> None:
        """Wait a moment for open transactions, then cut what is left."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def as_user(self, user_id: UUID) -> AsyncGenerator[Session]:
        """A transaction that sees and writes this user's rows only; commits when the block ends well.

        Raises Unauthenticated where rows are written for a user who is gone.
        """
        try:
            async with self._transaction(_AS_USER.format(role=API_ROLE, user=user_id), user_id) as session:
                yield session
        except asyncpg.ForeignKeyViolationError as error:
            if not str(error.constraint_name).endswith("_user_id_fkey"):
                raise
            raise Unauthenticated() from error

    async def transact(self, user_id: UUID, work: Callable[[Session], Awaitable[T]]) -> T:
        """`work` in a transaction of this user's; begun anew after a deadlock, three times at most."""
        for _ in range(_TRIES - 1):
            with suppress(asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                return await self._work(user_id, work)
        return await self._work(user_id, work)

    async def _work(self, user_id: UUID, work: Callable[[Session], Awaitable[T]]) -> T:
        async with self.as_user(user_id) as session:
            return await work(session)

    @asynccontextmanager
    async def as_system(self) -> AsyncGenerator[Session]:
        """A transaction that sees every user's rows: for sign-in, the engine and streams' readers."""
        async with self._transaction("begin", None) as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, begin: str, user_id: UUID | None) -> AsyncGenerator[Session]:
        async with self._connection() as driver:
            session = Session(driver, user_id)
            try:
                with _reaching(driver):
                    await driver.execute(begin)
                yield session
                with _reaching(driver):
                    await driver.execute("commit")
            except BaseException:  # a cancellation can come at any of the three
                await _roll_back(driver)
                raise
        if session.hints:
            self.on_commit(session.hints)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Driver]:
        if self._pool is None:
            raise Unavailable()
        async with AsyncExitStack() as held:
            with _reaching(None):
                async with asyncio.timeout(self._acquire_seconds):
                    await held.enter_async_context(self._turns)
                    driver = await held.enter_async_context(self._pool.acquire())
            yield driver


@contextmanager
def _reaching(driver: Driver | None) -> Generator[None]:
    """A lost connection is Unavailable; a wrong use of a good one stays the fault of ours that it is."""
    try:
        yield
    except (*_LOST, TimeoutError) as error:
        if isinstance(error, asyncpg.InterfaceError) and driver is not None and not _is_closed(driver):
            raise
        log.warning("the database cannot be reached: %r", error)
        raise Unavailable() from error


def _is_closed(driver: Driver) -> bool:
    try:
        return driver.is_closed()
    except asyncpg.InterfaceError:  # the pool took a lost connection back before us
        return True


def _nobody_listens(_: Hints) -> None:
    """Until a hub is there, hints go nowhere: readers poll."""


async def prepare(driver: Driver) -> None:
    """Give a connection our codecs: jsonb comes and goes as Python values."""
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


async def _keep(driver: Driver) -> None:
    """Nothing to reset: all that we set ends with its transaction."""


async def _roll_back(driver: Driver) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await driver.execute("rollback")
    except (*_LOST, TimeoutError, asyncpg.PostgresError):
        if not _is_closed(driver):
            driver.terminate()
