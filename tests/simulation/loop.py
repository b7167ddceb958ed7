"""Several processes on one event loop whose time and whose turns are drawn from a seed."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

PROCESS: contextvars.ContextVar[int] = contextvars.ContextVar("process", default=0)
"Whose code runs. 0 is nobody's: the world itself."


class Stuck(Exception):
    """Nobody can go on, and nothing is awaited."""


class Turn:
    """Something that is to be called, as an asyncio.Handle is, and as little of it as is needed."""

    __slots__ = ("_args", "_callback", "_context", "_when", "is_cancelled", "process")

    def __init__(self, callback: Any, args: Any, context: contextvars.Context | None, when: float) -> None:
        self._callback, self._args, self._when = callback, args, when
        self._context = contextvars.copy_context() if context is None else context
        self.process = self._context.get(PROCESS, 0)
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self._when

    def take(self) -> None:
        self._context.run(self._callback, *self._args)


class SimulatedLoop(asyncio.BaseEventLoop):
    """Each process has a queue of its own, as an event loop has; whose is served next is drawn.

    Time stands still while somebody can go on, and then jumps. A process that is frozen has no turn until
    it is thawed; one that is killed never has one again.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._now = 0.0
        self._queues: dict[int, deque[Turn]] = {}
        self._timers: list[tuple[float, int, Turn]] = []
        self._timer_numbers = itertools.count()
        self._out: set[int] = set()
        "Frozen or dead."
        self._dead: set[int] = set()
        self.tasks: list[asyncio.Task[Any]] = []
        "All that were ever begun."
        self.set_task_factory(self._new_task)

    def _new_task(self, _: Any, work: Any, **named: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=self, **named)
        self.tasks.append(task)
        return task

    def time(self) -> float:
        return self._now

    def freeze(self, process: int) -> None:
        """As SIGSTOP does."""
        self._out.add(process)

    def thaw(self, process: int) -> None:
        """As SIGCONT does."""
        if process not in self._dead:
            self._out.discard(process)

    def kill(self, process: int) -> None:
        """As SIGKILL does."""
        self._out.add(process)
        self._dead.add(process)

    def bury(self) -> None:
        """Let the dead and the frozen go on to their end, once nothing can change any more."""
        self._dead.clear()
        self._out.clear()

    @contextmanager
    def as_process(self, process: int) -> Iterator[None]:
        """What is begun in this block belongs to this process."""
        token = PROCESS.set(process)
        try:
            yield
        finally:
            PROCESS.reset(token)

    # What asyncio asks of a loop.

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        turn = Turn(callback, args, context, self._now)
        self._enqueue(turn)
        return turn

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        turn = Turn(callback, args, context, when)
        heapq.heappush(self._timers, (when, next(self._timer_numbers), turn))
        return turn

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _enqueue(self, turn: Turn) -> None:
        queue = self._queues.get(turn.process)
        if queue is None:
            queue = self._queues[turn.process] = deque()
        queue.append(turn)

    def _run_once(self) -> None:
        out = self._out
        turns = [queue for process, queue in self._queues.items() if queue and process not in out]
        if not turns:
            self._jump()
            return
        turn = turns[int(self._random.random() * len(turns)) if len(turns) > 1 else 0].popleft()
        if not turn.is_cancelled:
            turn.take()

    def _jump(self) -> None:
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Stuck
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            turn = heapq.heappop(timers)[2]
            if not turn.is_cancelled:
                self._enqueue(turn)

    def _process_events(self, event_list: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is no other thread."""
