"""Between a stream and whoever carries it to a client: one thing at a time, and only when it is asked for.

No task waits here. Who wants the next thing leaves a function to be called with it; a source of which nothing
is asked reads nothing, so a slow client costs no memory.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from enum import StrEnum
from typing import Any, Generic, Self, TypeAlias, TypeVar

T = TypeVar("T")
Take: TypeAlias = Callable[[T | Exception | None], None]
"Gets the next thing, or what the source failed with, or None at its end."


class CloseReason(StrEnum):
    """Why a stream ended."""

    TERMINAL = "TERMINAL"
    AUTH_EXPIRED = "AUTH_EXPIRED"
    FORBIDDEN = "FORBIDDEN"
    SERVER_DRAINING = "SERVER_DRAINING"
    SLOW_CONSUMER = "SLOW_CONSUMER"


class Source(ABC, Generic[T]):
    """What can be asked for its next thing."""

    __slots__ = ()

    @abstractmethod
    def ask(self, take: Take[T]) -> None:
        """Have `take` called once, maybe before this returns. One asks at a time."""

    @abstractmethod
    def close(self) -> None:
        """Tell nothing any more. May be called at any time, and again."""

    async def next(self) -> T | None:
        """The next thing, for who has a task to wait with; None at the end. Raises what the source does."""
        answer: asyncio.Future[T | Exception | None] = asyncio.get_running_loop().create_future()
        self.ask(lambda told: None if answer.done() else answer.set_result(told))
        told = await answer
        if isinstance(told, Exception):
            raise told
        return told


class Told:
    """One thing that a stream tells, and where the stream stands after it."""

    __slots__ = ("cursor", "renderings", "value")

    def __init__(self, value: object, cursor: str, *, is_shared: bool) -> None:
        self.value, self.cursor = value, cursor
        self.renderings: dict[Hashable, Any] | None = {} if is_shared else None
        """Where several subscribers are told this very object: what one has made of it, for the others.
        Only what is the same for all of them may be kept here."""


class Stream(Source[Told]):
    """A source that can say goodbye. Iterating it gives the bare values."""

    __slots__ = ()

    @abstractmethod
    def end(self, reason: CloseReason) -> None:
        """Tell the reason next, and nothing after it."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> object:
        told = await self.next()
        if told is None:
            raise StopAsyncIteration
        return told.value
