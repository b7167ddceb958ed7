"""Begin a coroutine at once: most that read a body or write have nothing to wait for, and need no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar, cast

T = TypeVar("T")


def begin(work: Awaitable[None]) -> asyncio.Task[None] | None:
    """Run it as far as it goes. None: it is through. Else a task that goes on with it.

    Raises what it raises before its first wait. The coroutine must not ask which task it is in.
    """
    coroutine_ = cast("Coroutine[Any, Any, None]", work)
    try:
        waits_for: object = coroutine_.send(None)
    except StopIteration:
        return None
    return asyncio.ensure_future(_go_on(coroutine_, waits_for))


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Its result. Raises TimeoutError where it takes longer; what need not wait at all costs no timeout.

    The coroutine must not set a timeout of its own before its first wait.
    """
    coroutine_ = cast("Coroutine[Any, Any, T]", work)
    try:
        waits_for: object = coroutine_.send(None)
    except StopIteration as done:
        return done.value
    async with asyncio.timeout(seconds):
        return await _go_on(coroutine_, waits_for)


@coroutine
def _go_on(work: Coroutine[Any, Any, T], waits_for: object) -> Generator[object, Any, T]:
    """What the coroutine was waiting for when it was begun is what the task waits for first."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:
            step = work.throw
            given: Any = error
        else:
            step, given = work.send, sent
        try:
            waits_for = step(given)
        except StopIteration as done:
            return done.value
