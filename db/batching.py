"""The same statement, asked for many users at about the same time, is asked once for all of them.

For moments in which thousands come at once: what is asked while a statement is under way goes with the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from db.connection import Database
from db.gathering import ask_as_user, by_place, spread, types_of
from db.query import Query, Row
from db.session import Reader

R = TypeVar("R", bound=Row)

_AT_A_TIME = 2
"Statements of one kind under way: while Postgres carries out one, what another brought is used."
_QUESTIONS = 100
"In one statement."


class Batched:
    """Readers for a whole process. A statement must name the user of each row that it asks for: questions of
    several users are asked by the system. Arguments in which questions differ must not be arrays."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lines: dict[Query[Any], _Line] = {}

    def reading(self, user_id: UUID) -> Reader:
        """Reads this user's rows."""
        return _BatchedReader(self, user_id)

    async def ask(self, user_id: UUID, query: Query[R], arguments: list[object]) -> list[R]:
        """The rows of one question."""
        line = self._lines.get(query)
        if line is None:
            line = self._lines[query] = _Line(self._db, query)
        return await line.ask(user_id, arguments)


@dataclass(eq=False, slots=True)
class _Question:
    user_id: UUID
    arguments: list[object]
    answer: asyncio.Future[list[Any]]


class _Line:
    """Those who wait for the answers of one statement."""

    def __init__(self, db: Database, query: Query[Any]) -> None:
        self._db, self._query = db, query
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Question] = deque()
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, user_id: UUID, arguments: list[object]) -> list[Any]:
        question = _Question(user_id, arguments, self._loop.create_future())
        self._waiting.append(question)
        if self._under_way < _AT_A_TIME:
            self._under_way += 1
            task = self._loop.create_task(self._answer_on())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await question.answer

    async def _answer_on(self) -> None:
        """Until nobody waits: whoever comes after that begins anew."""
        while asked := self._next():
            try:
                found = await self._read(asked)
            except Exception as error:
                for one in asked:
                    if not one.answer.done():
                        one.answer.set_exception(error)
            else:
                for one, rows in zip(asked, found, strict=True):
                    if not one.answer.done():
                        one.answer.set_result(rows)
        self._under_way -= 1

    def _next(self) -> list[_Question]:
        """Nothing is asked for those who have left."""
        asked: list[_Question] = []
        while self._waiting and len(asked) < _QUESTIONS:
            question = self._waiting.popleft()
            if not question.answer.done():
                asked.append(question)
        return asked

    async def _read(self, asked: list[_Question]) -> list[list[Any]]:
        """Behind the wall of row-level security as long as one user asks."""
        owner, questions = asked[0].user_id, [one.arguments for one in asked]
        if all(one.user_id == owner for one in asked):
            return await ask_as_user(self._db, owner, self._query, questions)
        return await self._ask_as_system(questions)

    async def _ask_as_system(self, questions: list[list[object]]) -> list[list[Any]]:
        differing, arguments = spread(questions)
        text = self._query.together_as_system(differing, await types_of(self._db, self._query))
        async with self._db.as_system() as session:
            rows = await session.fetch(text, arguments, self._query.row)
        return by_place(rows, len(questions))


class _BatchedReader(Reader):
    def __init__(self, batched: Batched, user_id: UUID) -> None:
        self._batched, self._user_id = batched, user_id

    async def all(self, query: Query[R], **parameters: object) -> list[R]:
        """Every row of the answer."""
        return await self._batched.ask(self._user_id, query, query.arguments(parameters))
