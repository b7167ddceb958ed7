"""What many runs want done in a transaction, done in one: what comes while one is made goes with the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Generic, TypeVar
from uuid import UUID

from errors import Unavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

_LARGEST = 100
_PATIENCE_SECONDS = 0.03
"How long what comes waits for batches that are under way: then it goes with one of its own."
_MOST = 4
"Under way at the same time, those that are tried alone not counted."


class Letter(Generic[T]):
    """What one run wants done."""

    __slots__ = ("content", "done", "run_id")

    def __init__(self, run_id: UUID, content: T) -> None:
        self.run_id, self.content = run_id, content
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def close(self, problem: BaseException | None = None) -> None:
        """It is committed, or refused. Where nobody waits any more, nobody is told."""
        if self.done.done():
            return
        if problem is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(problem)


Batch = Sequence[Letter[T]]


class Batches(Generic[T]):
    """Gathers letters, and has `carry_out` do what they want: one of each run at a time, in their order.

    There is no timer: an idle worker's letter goes at once, and a busy one's batches grow by themselves, once
    `side_by_side` are under way. `carry_out` closes letters; what it raises is the batch's, and then each
    letter that is still open is tried alone, so that the one that fails alone is its run's problem.
    """

    def __init__(self, carry_out: Callable[[Batch[T]], Awaitable[None]], side_by_side: int = 1) -> None:
        self._carry_out, self._side_by_side = carry_out, side_by_side
        self._context = copy_context()  # of no run's: what is logged of a batch is about many
        self._waiting: list[Letter[T]] = []
        self._under_way: dict[asyncio.Task[None], set[UUID]] = {}
        "Whose letters are in which."
        self._alone = set[asyncio.Task[None]]()
        "Those of them that are of a single letter which failed together with others."
        self._late: asyncio.TimerHandle | None = None

    async def add(self, run_id: UUID, content: T) -> None:
        """Have it done. Raises Unavailable, and what it came to.

        Cancelled, it may be done or not; what the same run wants afterwards comes after it.
        """
        letter = Letter(run_id, content)
        self._waiting.append(letter)
        if self._count < self._side_by_side:
            self._start()
        await letter.done

    @property
    def _count(self) -> int:
        return len(self._under_way) - len(self._alone)

    def _start(self) -> None:
        """Begin with what waits, and with whatever comes meanwhile soon after."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if batch := self._next():
            self._begin(batch)
        if 0 < self._count < _MOST:
            self._late = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._start)

    def _next(self) -> Batch[T]:
        """The oldest letters, one of each run of which nothing is under way."""
        busy = set[UUID]().union(*self._under_way.values())
        batch: dict[UUID, Letter[T]] = {}
        left: list[Letter[T]] = []
        for letter in self._waiting:
            if letter.done.cancelled():
                continue
            if letter.run_id in busy or letter.run_id in batch or len(batch) == _LARGEST:
                left.append(letter)
            else:
                batch[letter.run_id] = letter
        self._waiting = left
        return list(batch.values())

    def _begin(self, batch: Batch[T]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._carry(batch), name="batch", context=self._context.copy())
        self._under_way[task] = {letter.run_id for letter in batch}
        task.add_done_callback(self._go_on)
        return task

    def _go_on(self, done: asyncio.Task[None]) -> None:
        del self._under_way[done]
        self._alone.discard(done)
        self._start()

    async def _carry(self, batch: Batch[T]) -> None:
        try:
            await self._carry_out(batch)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, Unavailable):
                for letter in batch:
                    letter.close(error)
            else:
                log.info("%s that were done together failed, each is tried alone: %r", len(batch), error)
                self._alone |= {self._begin([letter]) for letter in batch if not letter.done.done()}
