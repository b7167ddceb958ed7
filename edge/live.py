"""Streams as answers: what is told is executed by the schema and written, once for all it is told to."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from graphql import GraphQLSchema

from edge import masking
from edge.answers import Answer, Failure
from edge.core import Execution
from edge.documents import Operation
from edge.guard import Charge
from edge.plans.leaves import Write
from edge.projection import NotPlain, Projector, object_types
from events.source import CloseReason, Source, Stream, Take, Told

_MOST_VIEWS = 1_024

Execute = Callable[[Told], Coroutine[Any, Any, Answer]]
"Carries out the operation on what is told, as graphql-core does."


class View:
    """What one operation shows of the values of its source, as far as they are plain."""

    __slots__ = ("_write",)

    def __init__(self, write: Write) -> None:
        self._write = write

    def render(self, told: Told) -> Answer | None:
        """The answer, rendered now or by somebody before; None: graphql-core must execute."""
        kept = told.renderings
        if kept is None:
            return self._answer(told)
        if self not in kept:
            kept[self] = self._answer(told)
        return kept[self]

    def _answer(self, told: Told) -> Answer | None:
        try:
            data = self._write(told.value)
            content = {"data": data, "extensions": {"cursor": told.cursor}}
            body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
        except Exception:
            return None  # whatever it is, graphql-core will come to it and tell
        return Answer(body, told.cursor)


class Views:
    """The same view for the same operation, as long as the variables that shape the output are the same."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._types = object_types(schema)
        self._root = schema.subscription_type
        self._kept: OrderedDict[tuple[Operation, tuple[object, ...]], View | None] = OrderedDict()

    def of(self, operation: Operation, execution: Execution) -> View | None:
        """None where nothing that the operation shows is plain."""
        key = (operation, tuple(execution.variable(name) for name in operation.shaping))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        view = self._kept[key] = self._make(operation, execution)
        if len(self._kept) > _MOST_VIEWS:
            self._kept.popitem(last=False)
        return view

    def _make(self, operation: Operation, execution: Execution) -> View | None:
        if self._root is None:
            return None
        try:
            return View(Projector(self._types, execution.selections(operation.shaping)).root(self._root))
        except NotPlain:
            return None


class Live(Source[Answer]):
    """One subscription to a stream. Its failures are Failures."""

    __slots__ = (
        "_charge",
        "_correlation_id",
        "_execute",
        "_leave",
        "_path",
        "_source",
        "_take",
        "_task",
        "_view",
    )

    def __init__(
        self,
        source: Stream,
        view: View | None,
        execute: Execute,
        charge: Charge,
        leave: Callable[[], None],
        path: str,
        correlation_id: str,
    ) -> None:
        self._source, self._view, self._execute = source, view, execute
        self._charge: Charge | None = charge
        self._leave: Callable[[], None] | None = leave
        self._path, self._correlation_id = path, correlation_id
        self._take: Take[Answer] | None = None
        self._task: asyncio.Task[None] | None = None

    def ask(self, take: Take[Answer]) -> None:
        """Part of Source."""
        self._take = take
        self._source.ask(self._hear)

    def end(self, reason: CloseReason) -> None:
        """Have the stream say why it ends, and end."""
        self._source.end(reason)

    def close(self) -> None:
        """Part of Source."""
        self._take = None
        self._source.close()
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()
        if self._task is not None:
            self._task.cancel()

    def _hear(self, told: Told | Exception | None) -> None:
        if not isinstance(told, Told):
            self._answer(None if told is None else self._failure(told))
            return
        answer = None if self._view is None else self._view.render(told)
        if answer is None:
            self._task = asyncio.create_task(self._execute_on(told))
        else:
            self._answer(answer)

    async def _execute_on(self, told: Told) -> None:
        try:
            answer: Answer | Exception = await self._execute(told)
        except Exception as error:
            answer = self._failure(error)
        self._task = None
        self._answer(answer)

    def _answer(self, answer: Answer | Exception | None) -> None:
        """The first one shows what the whole subscription costs."""
        charge, self._charge = self._charge, None
        if charge is not None and isinstance(answer, Answer):
            answer = charge.shown_in(answer)
        take, self._take = self._take, None
        if take is not None:
            take(answer)

    def _failure(self, error: Exception) -> Failure:
        return masking.broken(error, self._path, self._correlation_id)
