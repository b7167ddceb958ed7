"""The same statement, asked several times in one turn of the loop, is asked once for all.

What a list holds asks for its own lists: without this, once for each object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from db.connection import Database, Reader
from db.query import Query, Row

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class _Question:
    arguments: list[object]
    answer: asyncio.Future[list[Any]]


class Gathered:
    """Readers for one operation: a question waits until the others that come with it have been asked."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._asked: dict[tuple[UUID, Query[Any]], list[_Question]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def reading(self, user_id: UUID) -> Reader:
        """Reads this user's rows."""
        return _GatheredReader(self, user_id)

    async def ask(self, user_id: UUID, query: Query[R], arguments: list[object]) -> list[R]:
        """The rows of one question."""
        loop = asyncio.get_running_loop()
        key = (user_id, query)
        if key not in self._asked:
            self._asked[key] = []
            loop.call_soon(self._begin, user_id, query)
        question = _Question(arguments, loop.create_future())
        self._asked[key].append(question)
        return await question.answer

    async def ask_all(self, user_id: UUID, query: Query[R], asked: Sequence[list[object]]) -> list[list[R]]:
        """The rows of many questions, now."""
        return await self._answers(user_id, query, asked)

    def _begin(self, user_id: UUID, query: Query[Any]) -> None:
        questions = self._asked.pop((user_id, query))
        task = asyncio.create_task(self._answer(user_id, query, questions))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, user_id: UUID, query: Query[Any], questions: list[_Question]) -> None:
        try:
            answers = await self._answers(user_id, query, [one.arguments for one in questions])
        except Exception as error:
            for one in questions:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, rows in zip(questions, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(rows)

    async def _answers(self, user_id: UUID, query: Query[R], asked: Sequence[list[object]]) -> list[list[R]]:
        reader = self._db.reading(user_id)
        first = asked[0]
        differing = tuple(n for n, value in enumerate(first) if any(one[n] != value for one in asked))
        if not differing:
            rows = await reader.fetch(query.as_user, first, query.row)
            return [rows for _ in asked]
        types = query.types or await self._types(query)
        arguments = [[one[n] for one in asked] if n in differing else value for n, value in enumerate(first)]
        rows = await reader.fetch(query.together(differing, types), arguments, query.row)
        return _by_place(rows, len(asked))

    async def _types(self, query: Query[Any]) -> Sequence[str]:
        """What Postgres takes each argument for; asked once for each statement."""
        async with self._db.connection() as driver:
            prepared = await driver.prepare(query.sql)
        query.types = [one.name for one in prepared.get_parameters()]
        return query.types


class _GatheredReader(Reader):
    def __init__(self, gathered: Gathered, user_id: UUID) -> None:
        self._gathered, self._user_id = gathered, user_id

    async def all(self, query: Query[R], **parameters: object) -> list[R]:
        """Every row of the answer."""
        return await self._gathered.ask(self._user_id, query, query.arguments(parameters))


def _by_place(rows: Sequence[R], count: int) -> list[list[R]]:
    found = [list[R]() for _ in range(count)]
    for row in rows:
        place: int = row["place"]
        found[place - 1].append(row)
    return found
