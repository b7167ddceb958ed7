"""The only room that opens connections: a pool, and transactions that know whose rows they may see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from db.driver import (
    CLOSE_SECONDS,
    LOST,
    Driver,
    Lent,
    is_closed,
    keep,
    prepare,
    reaching,
    roll_back,
    teach_json,
)
from db.query import API_ROLE, Query
from db.session import Hints, R, Reader, Session
from db.watchdog import Watchdog
from errors import Unauthenticated, Unavailable

T = TypeVar("T")

_AS_SYSTEM = "begin; set local role none"
# A plan may be as old as the connection: made for an empty table, kept while a hundred thousand rows came.
BY_INDEX = """
    set local enable_seqscan = off; set local enable_sort = off;
    set local enable_hashjoin = off; set local enable_mergejoin = off
"""
"For statements that look at a few rows of however many: no plan of theirs walks through a table."
_AS_USER = "begin; select set_config('role', '{role}', true), set_config('baton.user_id', '{user}', true)"
_IMPATIENT = ", set_config('lock_timeout', '{milliseconds}', true)"
_TRIES = 3


class Database:
    """A pool of connections. Opens transactions, commits them, and then passes on their hints.

    A transaction in which nothing is said for `idle_seconds` loses its locks: whoever had it is frozen, or
    beyond a network that is gone. A silent server is noticed within 4 seconds.

    `through_pooler`: the address is that of a pooler that lends a server's connection for one transaction,
    such as PgBouncer. Then nothing outlives a transaction: no role, no setting, no prepared statement.
    """

    def __init__(
        self,
        dsn: str,
        *,
        size: int,
        name: str,
        acquire_seconds: float = 4,
        idle_seconds: float = 60,
        through_pooler: bool = False,
    ) -> None:
        self._dsn, self._size, self._name = dsn, size, name
        self._acquire_seconds = acquire_seconds
        self._through_pooler = through_pooler
        self._ways = {
            "jit": "off",  # our statements are short; to compile one takes longer than any of them
            "idle_in_transaction_session_timeout": str(round(idle_seconds * 1_000)),
        }
        "How Postgres is to treat us."
        local = "".join(f"; set local {name} = '{value}'" for name, value in self._ways.items())
        self._also = local if through_pooler else ""
        self._watchdog = Watchdog(lambda: asyncpg.connect(dsn, server_settings={"application_name": name}))
        self._pool: asyncpg.Pool[Any] | None = None
        # Who waits longest is next: the pool alone lets whoever comes by at the right moment go first.
        self._turns = asyncio.Semaphore(size)
        # Taken from the pool, which makes and heals connections: its lending costs as much as a read.
        self._resting: list[Lent] = []
        self._closing = False
        self.on_commit: Callable[[Hints], None] = _nobody_listens

    async def open(self) -> None:
        """Connect. Raises Unavailable where the database does not answer."""
        try:
            self._pool = await self._new_pool()
            self._watchdog.start()
            self._resting.append(await self._pool.acquire(timeout=self._acquire_seconds))
        except BaseException as error:
            await self.close()
            if isinstance(error, (*LOST, asyncpg.PostgresError, TimeoutError)):
                raise Unavailable() from error
            raise

    def _new_pool(self) -> asyncpg.Pool[Any]:
        pooler = self._through_pooler
        return asyncpg.create_pool(
            self._dsn,
            min_size=0,  # one that has to keep some does not rest while the server is away
            max_size=self._size,
            timeout=self._acquire_seconds,
            command_timeout=30,
            init=teach_json if pooler else prepare,
            reset=keep,
            statement_cache_size=0 if pooler else 100,
            server_settings={"application_name": self._name, **({} if pooler else self._ways)},
        )

    @property
    def in_use(self) -> int:
        """Connections of the pool that are lent out."""
        return self._watchdog.count

    async def close(self) -> None:
        """Wait a moment for open transactions, then cut what is left."""
        if self._pool is None:
            return
        self._closing = True
        await self._watchdog.stop()
        while self._resting:
            await self._pool.release(self._resting.pop())
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    def reading(self, user_id: UUID) -> UserReader:
        """Reads this user's rows, each statement a transaction of its own that takes one round trip."""
        return (_PooledReader if self._through_pooler else UserReader)(self, user_id)

    @asynccontextmanager
    async def as_user(self, user_id: UUID, lock_seconds: float | None = None) -> AsyncGenerator[Session]:
        """A transaction that sees and writes this user's rows only; commits when the block ends well.

        With `lock_seconds` a statement that waits longer than that for a lock fails. Raises Unauthenticated
        where rows are written for a user who is gone.
        """
        begin = _AS_USER.format(role=API_ROLE, user=user_id)
        if lock_seconds is not None:
            begin += _IMPATIENT.format(milliseconds=round(lock_seconds * 1_000))
        try:
            async with self._transaction(begin, user_id) as session:
                yield session
        except asyncpg.ForeignKeyViolationError as error:
            if not str(error.constraint_name).endswith("_user_id_fkey"):
                raise
            raise Unauthenticated() from error

    async def transact(
        self, user_id: UUID, work: Callable[[Session], Awaitable[T]], *, lock_seconds: float | None = None
    ) -> T:
        """`work` in a transaction of this user's; begun anew after a deadlock, three times at most.

        With `lock_seconds` it lets go of all that it has locked whenever it has waited so long for something
        else, and begins anew until it is through or cancelled: who wants what it holds waits no longer.
        """
        for _ in range(_TRIES - 1):
            with suppress(asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                return await self._work(user_id, work, lock_seconds)
        return await self._work(user_id, work, lock_seconds)

    async def _work(
        self, user_id: UUID, work: Callable[[Session], Awaitable[T]], lock_seconds: float | None
    ) -> T:
        while True:
            try:
                async with self.as_user(user_id, lock_seconds) as session:
                    return await work(session)
            except asyncpg.LockNotAvailableError:
                if lock_seconds is None:
                    raise

    @asynccontextmanager
    async def as_system(
        self, *, by_index: bool = False, lock_seconds: float | None = None
    ) -> AsyncGenerator[Session]:
        """A transaction that sees every user's rows: for sign-in, the engine and streams' readers.

        `by_index`: its statements look at a few rows each, and no plan may walk through a whole table.
        `lock_seconds`: how long each waits for a lock; then asyncpg.LockNotAvailableError.
        """
        begin = f"{_AS_SYSTEM}; {BY_INDEX}" if by_index else _AS_SYSTEM
        if lock_seconds is not None:
            begin = f"{begin}; set local lock_timeout = {round(lock_seconds * 1_000)}"
        async with self._transaction(begin, None) as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, begin: str, user_id: UUID | None) -> AsyncGenerator[Session]:
        async with self.connection() as driver:
            session = Session(driver, user_id)
            try:
                with reaching(driver):
                    await driver.execute(begin + self._also)
                yield session
                with reaching(driver):
                    await driver.execute("commit")
            except BaseException:  # a cancellation can come at any of the three
                await roll_back(driver)
                raise
        for call in session.afterwards:
            call()
        if session.hints:
            self.on_commit(session.hints)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Driver]:
        """A connection with the API's role, for this room only. Raises Unavailable."""
        driver = await self.take()
        try:
            yield driver
        finally:
            await self.give_back(driver)

    async def take(self) -> Lent:
        """A connection with the API's role, to be given back. Raises Unavailable."""
        if self._pool is None:
            raise Unavailable()
        with reaching(None):
            await self._turn()
        try:
            driver = await self._rested(self._pool)
        except BaseException:
            self._turns.release()
            with reaching(None):
                raise
        self._watchdog.lend(driver)
        return driver

    async def _rested(self, pool: asyncpg.Pool[Any]) -> Lent:
        while self._resting:
            driver = self._resting.pop()
            if not is_closed(driver):
                return driver
            await pool.release(driver)
        return await pool.acquire(timeout=self._acquire_seconds)

    async def _turn(self) -> None:
        if self._turns.locked():
            async with asyncio.timeout(self._acquire_seconds):
                await self._turns.acquire()
        else:
            await self._turns.acquire()

    async def give_back(self, driver: Lent) -> None:
        """After `take`."""
        assert self._pool is not None
        self._watchdog.take_back(driver)
        try:
            if self._closing or is_closed(driver):
                await self._pool.release(driver)
            else:
                self._resting.append(driver)
        finally:
            self._turns.release()


class UserReader(Reader):
    """Reads one user's rows, each statement a transaction of its own. Opened by `Database.reading`."""

    def __init__(self, db: Database, user_id: UUID) -> None:
        self._db, self._user = db, str(user_id)

    async def all(self, query: Query[R], **parameters: object) -> list[R]:
        """Every row of the answer."""
        return await self.fetch(query.as_user, query.arguments(parameters), query.row)

    async def fetch(self, sql: str, arguments: Sequence[object], row: type[R]) -> list[R]:
        """What a statement returns that says itself whose it is: by its last argument, which is added."""
        driver = await self._db.take()
        try:
            return await driver.fetch(sql, *arguments, self._user, record_class=row)
        except BaseException as error:
            if not isinstance(error, asyncpg.PostgresError):
                await roll_back(driver)  # what the server may still say of it must reach nobody else
            with reaching(driver):
                raise
        finally:
            await self._db.give_back(driver)


class _PooledReader(UserReader):
    """The same through a pooler, whose connections have no role of ours: three round trips more."""

    async def fetch(self, sql: str, arguments: Sequence[object], row: type[R]) -> list[R]:
        async with self._db.as_user(UUID(self._user)) as session:
            return await session.fetch(sql, [*arguments, self._user], row)


def _nobody_listens(_: Hints) -> None:
    """Until a hub is there, hints go nowhere: readers poll."""
