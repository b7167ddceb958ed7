"""How long a call may take, and how often it is made again where it failed for a reason that passes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from engine.tools.tool import Transient

T = TypeVar("T")


class TimedOut(Exception):
    """The call did not end in its time."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Backoff that doubles from `first_seconds` up to `longest_seconds`, each wait drawn from its upper half.

    Where the other side says when to come back, no earlier than that, within `longest_seconds`.
    """

    tries: int = 5
    first_seconds: float = 1.0
    longest_seconds: float = 60.0

    async def call(
        self,
        make: Callable[[], Awaitable[T]],
        seconds: float,
        tries: int,
        before_retry: Callable[[int, Transient], Awaitable[None]],
    ) -> T:
        """What the call answers. Each try has `seconds`; `tries` were begun, this one counted in.

        Before each further one `before_retry` is told its number. Raises Transient when patience is at
        its end, TimedOut, and what the call raises.
        """
        while True:
            try:
                return await within(seconds, make)
            except Transient as problem:
                if tries >= self.tries:
                    raise
                await asyncio.sleep(self.pause(tries, problem.retry_after))
                tries += 1
                await before_retry(tries, problem)

    def pause(self, tries: int, retry_after: float | None) -> float:
        """Seconds to wait after so many tries."""
        backoff = min(self.longest_seconds, self.first_seconds * 2.0 ** (tries - 1))
        drawn = random.uniform(backoff / 2, backoff)  # noqa: S311 - spreads calls, keeps no secret
        return drawn if retry_after is None else min(self.longest_seconds, max(drawn, retry_after))


async def within(seconds: float, make: Callable[[], Awaitable[T]]) -> T:
    """What the call answers in its time. Raises TimedOut, and what the call raises."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await make()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TimedOut from error
