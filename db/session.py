"""Who reads and writes rows: a reader, and an open transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from db.driver import Driver, reaching
from db.query import API_ROLE, Query, Row

R = TypeVar("R", bound=Row)
Hints = dict[str, int]

_ACT_FOR = f"select set_config('role', '{API_ROLE}', true), set_config('baton.user_id', $1, true)"


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
        with reaching(self._driver):
            return await self._driver.fetch(sql, *arguments, record_class=row)

    async def run(self, query: Query[Any], **parameters: object) -> int:
        """Carry out a statement that returns nothing; answers how many rows it touched."""
        arguments = query.arguments(parameters)
        with reaching(self._driver):
            status = await self._driver.execute(self._text(query), *arguments)
        tail = status.rpartition(" ")[2]
        return int(tail) if tail.isdigit() else 0

    async def act_for(self, user_id: UUID | None) -> None:
        """In a system transaction: see and write this user's rows only from here on; None: everybody's."""
        with reaching(self._driver):
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
