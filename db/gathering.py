"""What is asked several times in one turn of the loop is asked once for all.

What a list holds asks for its own lists: without this, once for each object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from db.connection import Database
from db.query import Query, Row
from db.session import Reader

R = TypeVar("R", bound=Row)
Ask: TypeAlias = Callable[[list[Any]], Awaitable[Sequence[Any]]]
"The answers to many questions, in their order."


class _Round:
    """Questions that are asked together. Nothing is asked, or asked any longer, for nobody."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._questions: list[Any] = []
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._task: asyncio.Task[None] | None = None

    async def answer(self, question: Any) -> Any:
        """What the answer to one question is."""
        place = len(self._questions)
        self._questions.append(question)
        answer = self._waiting[place] = self._loop.create_future()
        try:
            return await answer
        finally:
            del self._waiting[place]
            if not self._waiting and self._task is not None:
                self._task.cancel()

    def begin(self, ask: Ask) -> None:
        """Ask what was asked so far; nothing is added from now on."""
        if self._waiting:
            self._task = asyncio.create_task(self._ask(ask))

    async def _ask(self, ask: Ask) -> None:
        try:
            answers = await ask(self._questions)
        except Exception as error:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(error)
            return
        for place, answer in self._waiting.items():
            if not answer.done():
                answer.set_result(answers[place])


class Rounds:
    """A question waits until the others of its kind that come with it have been asked."""

    def __init__(self) -> None:
        self._open: dict[Hashable, _Round] = {}

    async def answer(self, kind: Hashable, question: object, ask: Ask) -> Any:
        """The answer to one question. `ask` is to mean the same for all questions of one kind."""
        asking = self._open.get(kind)
        if asking is None:
            asking = self._open[kind] = _Round()
            asyncio.get_running_loop().call_soon(self._begin, kind, ask)
        return await asking.answer(question)

    def _begin(self, kind: Hashable, ask: Ask) -> None:
        self._open.pop(kind).begin(ask)


class Gathered:
    """Readers for one operation, which ask the same statement once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rounds = Rounds()

    def reading(self, user_id: UUID) -> Reader:
        """Reads this user's rows."""
        return _GatheredReader(self, user_id)

    async def ask(self, user_id: UUID, query: Query[R], arguments: list[object]) -> list[R]:
        """The rows of one question."""
        (rows,) = await self.ask_all(user_id, query, [arguments])
        return rows

    async def ask_all(self, user_id: UUID, query: Query[R], asked: Sequence[list[object]]) -> list[list[R]]:
        """The rows of each of these questions."""

        async def answers(groups: list[Sequence[list[object]]]) -> list[list[list[R]]]:
            found = iter(await self._answers(user_id, query, [one for group in groups for one in group]))
            return [[next(found) for _ in group] for group in groups]

        return await self._rounds.answer((user_id, query), asked, answers)

    async def _answers(self, user_id: UUID, query: Query[R], asked: Sequence[list[object]]) -> list[list[R]]:
        return await ask_as_user(self._db, user_id, query, asked)


class _GatheredReader(Reader):
    def __init__(self, gathered: Gathered, user_id: UUID) -> None:
        self._gathered, self._user_id = gathered, user_id

    async def all(self, query: Query[R], **parameters: object) -> list[R]:
        """Every row of the answer."""
        return await self._gathered.ask(self._user_id, query, query.arguments(parameters))


async def ask_as_user(
    db: Database, user_id: UUID, query: Query[R], asked: Sequence[list[object]]
) -> list[list[R]]:
    """The rows of each of one user's questions, in one statement."""
    reader = db.reading(user_id)
    differing, arguments = spread(asked)
    if not differing:
        rows = await reader.fetch(query.as_user, arguments, query.row)
        return [rows for _ in asked]
    text = query.together(differing, await types_of(db, query))
    return by_place(await reader.fetch(text, arguments, query.row), len(asked))


def spread(asked: Sequence[list[object]]) -> tuple[tuple[int, ...], list[object]]:
    """Which arguments of these questions differ, and all of them: those that differ as lists."""
    first = asked[0]
    differing = tuple(n for n, value in enumerate(first) if any(one[n] != value for one in asked))
    return differing, [
        [one[n] for one in asked] if n in differing else value for n, value in enumerate(first)
    ]


async def types_of(db: Database, query: Query[Any]) -> Sequence[str]:
    """What Postgres takes each argument for; asked once for each statement."""
    if query.types is None:
        async with db.connection() as driver:
            prepared = await driver.prepare(query.sql, name="")  # a pooler would keep a name
        query.types = [one.name for one in prepared.get_parameters()]
    return query.types


def by_place(rows: Sequence[R], count: int) -> list[list[R]]:
    """The rows of each of so many questions."""
    found = [list[R]() for _ in range(count)]
    for row in rows:
        place: int = row["place"]
        found[place - 1].append(row)
    return found
