"""The operations under way on one socket: each a task of its own, but for streams, which need none."""

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
from edge.live import Live
from edge.outbox import Gone, Outbox
from edge.requests import GraphQLRequest
from events.source import CloseReason
from telemetry import logs

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


class _Watching(Generic[C]):
    """A stream that is being told. No task: it is woken by what it tells, and by room on the socket."""

    __slots__ = ("_head", "_operations", "id", "is_leaving", "live", "request_id")

    def __init__(self, operations: Operations[C], id: str, request_id: str, live: Live) -> None:
        self._operations = operations
        self._head = _head(id)
        self.id, self.request_id, self.live = id, request_id, live
        self.is_leaving = False
        "The socket is about to close: whoever comes back on the next one must not hear that it is over."

    def more(self) -> None:
        """Ask for the next answer."""
        self.live.ask(self._take)

    def _take(self, answer: Answer | Exception | None) -> None:
        if isinstance(answer, Answer):
            self._operations.outbox.post(f"{self._head}{answer.text}}}", self.more)
        else:
            self._operations.told(self, answer)


class Operations(Generic[C]):
    """By id, as long as the client may still hear of them; muted mutations only count."""

    def __init__(self, executions: Executions[C], outbox: Outbox) -> None:
        self._executions = executions
        self.outbox = outbox
        self._by_id: dict[str, _Underway | _Watching[C]] = {}
        self._tasks: dict[asyncio.Task[None], _Underway] = {}
        self._streams: dict[_Watching[C], None] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._by_id

    @property
    def full(self) -> bool:
        """Whether one more would be one too many."""
        return len(self._tasks) + len(self._streams) >= MAX_OPERATIONS

    def start(self, id: str, request: GraphQLRequest, caller: Caller) -> None:
        """Carry it out in the background, and tell the client."""
        underway = self._by_id[id] = _Underway(id)
        task = underway.task = asyncio.create_task(self._carry(underway, request, caller))
        self._tasks[task] = underway
        task.add_done_callback(self._tasks.pop)

    def stop(self, id: str) -> None:
        """What the client asks for by `complete`. An id that is unknown, or known no more, is ignored."""
        found = self._by_id.pop(id, None)
        if isinstance(found, _Underway):
            found.stop()
        elif found is not None:
            self._forget(found)
            self.outbox.withdraw(found.more)

    def say_goodbye(self, reason: CloseReason) -> None:
        """Have all streams say why they end; `has_streams` tells when they have."""
        for stream in list(self._streams):
            stream.is_leaving = True
            stream.live.end(reason)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._tasks and not self._streams

    @property
    def has_streams(self) -> bool:
        """Whether there is one that has not ended."""
        return bool(self._streams)

    async def close(self) -> None:
        """Stop all, and wait until each has cleaned up."""
        for stream in list(self._streams):
            self._forget(stream)
        for underway in self._tasks.values():
            underway.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _carry(self, underway: _Underway, request: GraphQLRequest, caller: Caller) -> None:
        logs.about(request_id=caller.request_id, user_id=caller.user_id)
        try:
            live = await self._execute(underway, request, caller)
            if live is not None:
                self._watch(underway, caller, live)
                return
            last = _complete(underway.id)
        except Gone:
            return
        except Exception as error:
            last = error_message(underway.id, masking.failure(error, caller.request_id))
        self._release(underway)
        with suppress(Gone):
            await self._tell(underway, last)

    async def _execute(self, underway: _Underway, request: GraphQLRequest, caller: Caller) -> Live | None:
        """Through to the end, or to a stream that tells itself."""
        operation = await self._executions.select(request, caller)
        if operation.kind is OperationType.SUBSCRIPTION:
            answers = await self._executions.subscribe(operation, request.variables, caller)
            if isinstance(answers, Live):
                return answers
            await self._follow(underway, answers)
        else:
            underway.uncut = operation.kind is OperationType.MUTATION
            answer = await self._executions.run(operation, request.variables, caller)
            underway.uncut = False
            await self._tell(underway, _next_message(underway.id, answer))
        return None

    def _watch(self, underway: _Underway, caller: Caller, live: Live) -> None:
        if underway.muted:
            live.close()
            return
        stream = _Watching(self, underway.id, caller.request_id, live)
        self._by_id[stream.id] = stream
        self._streams[stream] = None
        stream.more()

    def told(self, stream: _Watching[C], error: Exception | None) -> None:
        """A stream has ended. The stream's."""
        self._forget(stream)
        if self._by_id.get(stream.id) is stream:
            del self._by_id[stream.id]
        if error is not None:
            self.outbox.post(error_message(stream.id, masking.failure(error, stream.request_id)))
        elif not stream.is_leaving:
            self.outbox.post(_complete(stream.id))

    def _forget(self, stream: _Watching[C]) -> None:
        self._streams.pop(stream, None)
        stream.live.close()

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
            await self.outbox.send(text)


def error_message(id: str, failure: Failure) -> str:
    """Ends an operation; no `complete` follows."""
    return orjson.dumps({"id": id, "type": "error", "payload": failure.errors}).decode()


def _complete(id: str) -> str:
    return orjson.dumps({"id": id, "type": "complete"}).decode()


def _next_message(id: str, answer: Answer) -> str:
    """The answer is JSON already: only the operation's own words are put around it."""
    return f"{_head(id)}{answer.text}}}"


def _head(id: str) -> str:
    return f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":'
