"""The only room that opens connections: a pool, and transactions that know whose rows they may see."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import asyncpg.pool
import orjson

from db.query import API_ROLE, Query, Row
from db.watchdog import Watchdog
from errors import Unauthenticated, Unavailable

log = logging.getLogger("baton.db")

R = TypeVar("R", bound=Row)
T = TypeVar("T")
Hints = dict[str, int]
Lent: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"
Driver: TypeAlias = "asyncpg.Connection[Any] | Lent"

# Connections keep the API's role, so that nothing is seen by mistake: the system must ask to see more.
# A database that was never migrated has no such role, and nothing to see either.
_KEEP_ROLE = f"""
do $$ begin
  if exists (select from pg_roles where rolname = '{API_ROLE}') then set role {API_ROLE}; end if;
end $$
"""
_AS_SYSTEM = "begin; set local role none"
# A plan may be as old as the connection: made for an empty table, kept while a hundred thousand rows came.
BY_INDEX = """
    set local enable_seqscan = off; set local enable_sort = off;
    set local enable_hashjoin = off; set local enable_mergejoin = off
"""
"For statements that look at a few rows of however many: no plan of theirs walks through a table."
_AS_USER = "begin; select set_config('role', '{role}', true), set_config('baton.user_id', '{user}', true)"
_IMPATIENT = ", set_config('lock_timeout', '{milliseconds}', true)"
_ACT_FOR = f"select set_config('role', '{API_ROLE}', true), set_config('baton.user_id', $1, true)"
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's last word came between two of ours
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
)
_CLOSE_SECONDS = 5.0
_TRIES = 3


class Reader(ABC):
    """What reads. Statements that write need a Session."""

    @abstractmethod
    async def all(self, query: Query[R], **parameters: object) -> list[R]:
        """Every row of the answer."""

    async def first(self, query: Query[R], **parameters: object) -> R | None:
        """The first row, or None where there is none."""
        rows = await self.all(query, **parameters)
        return rows[0] if rows else None

    async def one(self, query: Query[R], **parameters: object) -> R:
        """The row of a statement that always has one."""
        row = await self.first(query, **parameters)
        if row is None:
            raise LookupError(query.sql)
        return row


class Readers(Protocol):
    """Where a user's rows can be read."""

    def reading(self, user_id: UUID) -> Reader:
        """Reads this user's rows; statements that follow one another may see what was committed between."""
        ...


class Session(Reader):
    """One open transaction. Who is handed a session never commits: who opened it does."""

    def __init__(self, driver: Driver, user_id: UUID | None) -> None:
        self._driver = driver
        self.user_id = user_id
        self.hints: Hints = {}
        "Topics to be hinted once this is committed, each with its newest seq."
        self.afterwards: list[Callable[[], None]] = []
        "To be called once this is committed; what is called does not wait and does not raise."

    async def all(self, query: Query[R], **parameters: object) -> list[R]:
        """Every row of the answer."""
        return await self.fetch(self._text(query), query.arguments(parameters), query.row)

    async def fetch(self, sql: str, arguments: Sequence[object], row: type[R]) -> list[R]:
        """What a statement returns whose text is the caller's: another one for each role."""
        with _reaching(self._driver):
            return await self._driver.fetch(sql, *arguments, record_class=row)

    async def run(self, query: Query[Any], **parameters: object) -> int:
        """Carry out a statement that returns nothing; answers how many rows it touched."""
        arguments = query.arguments(parameters)
        with _reaching(self._driver):
            status = await self._driver.execute(self._text(query), *arguments)
        tail = status.rpartition(" ")[2]
        return int(tail) if tail.isdigit() else 0

    async def act_for(self, user_id: UUID | None) -> None:
        """In a system transaction: see and write this user's rows only from here on; None: everybody's."""
        with _reaching(self._driver):
            if user_id is None:
                await self._driver.execute("set local role none")
            else:
                await self._driver.fetch(_ACT_FOR, str(user_id))
        self.user_id = user_id

    def _text(self, query: Query[Any]) -> str:
        return query.as_system if self.user_id is None else query.sql

    def hint(self, topic: str, seq: int = 0) -> None:
        """After the commit, tell everyone who waits on this topic to look at the table."""
        self.hints[topic] = max(seq, self.hints.get(topic, 0))


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
            if isinstance(error, (*_LOST, asyncpg.PostgresError, TimeoutError)):
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
            init=_teach_json if pooler else prepare,
            reset=_keep,
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
            async with asyncio.timeout(_CLOSE_SECONDS):
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
                with _reaching(driver):
                    await driver.execute(begin + self._also)
                yield session
                with _reaching(driver):
                    await driver.execute("commit")
            except BaseException:  # a cancellation can come at any of the three
                await _roll_back(driver)
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
        with _reaching(None):
            await self._turn()
        try:
            driver = await self._rested(self._pool)
        except BaseException:
            self._turns.release()
            with _reaching(None):
                raise
        self._watchdog.lend(driver)
        return driver

    async def _rested(self, pool: asyncpg.Pool[Any]) -> Lent:
        while self._resting:
            driver = self._resting.pop()
            if not _is_closed(driver):
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
            if self._closing or _is_closed(driver):
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
                await _roll_back(driver)  # what the server may still say of it must reach nobody else
            with _reaching(driver):
                raise
        finally:
            await self._db.give_back(driver)


class _PooledReader(UserReader):
    """The same through a pooler, whose connections have no role of ours: three round trips more."""

    async def fetch(self, sql: str, arguments: Sequence[object], row: type[R]) -> list[R]:
        async with self._db.as_user(UUID(self._user)) as session:
            return await session.fetch(sql, [*arguments, self._user], row)


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
    """Give a connection our codecs and the API's role."""
    await _teach_json(driver)
    await driver.execute(_KEEP_ROLE)


async def _teach_json(driver: Driver) -> None:
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


async def _keep(driver: Driver) -> None:
    """Nothing to reset: all that we set, but for the role, ends with its transaction."""


async def _roll_back(driver: Driver) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await driver.execute("rollback")
    except (*_LOST, TimeoutError, asyncpg.PostgresError):
        if not _is_closed(driver):
            driver.terminate()
