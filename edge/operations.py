"""The operations under way on one socket, each a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson
from graphql import OperationType

from edge import masking
from edge.answers import Answer, Failure
from edge.execution import Caller, Executions
from edge.outbox import Gone, Outbox
from edge.requests import GraphQLRequest

C = TypeVar("C")

MAX_OPERATIONS = 100


@dataclass(eq=False, slots=True)
class _Underway:
    """One operation."""

    id: str
    muted: bool = False
    "The client wants no more of it, or is gone."
    uncut: bool = False
    "It is changing something, or cleaning up: that is carried through, as over HTTP, and just not heard of."
    task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Cancels once at most: a second time would cut short the clean-up that the first one began."""
        if not self.muted and not self.uncut and self.task is not None:
            self.task.cancel()
        self.muted = True


class Operations(Generic[C]):
    """By id, as long as the client may still hear of them; muted mutations only count."""

    def __init__(self, executions: Executions[C], outbox: Outbox) -> None:
        self._executions = executions
        self._outbox = outbox
        self._by_id: dict[str, _Underway] = {}
        self._tasks: dict[asyncio.Task[None], _Underway] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._by_id

    @property
    def full(self) -> bool:
        """Whether one more would be one too many."""
        return len(self._tasks) >= MAX_OPERATIONS

    def start(self, id: str, request: GraphQLRequest, caller: Caller) -> None:
        """Carry it out in the background, and tell the client."""
        underway = self._by_id[id] = _Underway(id)
        task = underway.task = asyncio.create_task(self._carry(underway, request, caller))
        self._tasks[task] = underway
        task.add_done_callback(self._tasks.pop)

    def stop(self, id: str) -> None:
        """What the client asks for by `complete`. An id that is unknown, or known no more, is ignored."""
        underway = self._by_id.pop(id, None)
        if underway is not None:
            underway.stop()

    async def close(self) -> None:
        """Stop all, and wait until each has cleaned up."""
        for underway in self._tasks.values():
            underway.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _carry(self, underway: _Underway, request: GraphQLRequest, caller: Caller) -> None:
        try:
            await self._execute(underway, request, caller)
            last = orjson.dumps({"id": underway.id, "type": "complete"}).decode()
        except Gone:
            return
        except Exception as error:
            last = error_message(underway.id, masking.failure(error, caller.request_id))
        self._release(underway)
        with suppress(Gone):
            await self._tell(underway, last)

    async def _execute(self, underway: _Underway, request: GraphQLRequest, caller: Caller) -> None:
        operation = await self._executions.select(request, caller)
        if operation.kind is OperationType.SUBSCRIPTION:
            answers = await self._executions.subscribe(operation, request.variables, caller)
            await self._follow(underway, answers)
        else:
            underway.uncut = operation.kind is OperationType.MUTATION
            answer = await self._executions.run(operation, request.variables, caller)
            underway.uncut = False
            await self._tell(underway, _next_message(underway.id, answer))

    async def _follow(self, underway: _Underway, answers: AsyncGenerator[Answer, None]) -> None:
        try:
            async for answer in answers:
                await self._tell(underway, _next_message(underway.id, answer))
        finally:
            underway.uncut = True
            await answers.aclose()
            underway.uncut = False

    def _release(self, underway: _Underway) -> None:
        """Give the id free before the last message: the client may use it again as soon as it has that."""
        if self._by_id.get(underway.id) is underway:
            del self._by_id[underway.id]

    async def _tell(self, underway: _Underway, text: str) -> None:
        if not underway.muted:
            await self._outbox.send(text)


def error_message(id: str, failure: Failure) -> str:
    """Ends an operation; no `complete` follows."""
    return orjson.dumps({"id": id, "type": "error", "payload": failure.errors}).decode()


def _next_message(id: str, answer: Answer) -> str:
    """The answer is JSON already: only the operation's own words are put around it."""
    return f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":{answer.body.decode()}}}'
