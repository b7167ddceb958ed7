"""Several processes on one event loop whose time and whose turns are drawn from a seed."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

PROCESS: contextvars.ContextVar[int] = contextvars.ContextVar("process", default=0)
"Whose code runs. 0 is nobody's: the world itself."


class Stuck(Exception):
    """Nobody can go on, and nothing is awaited."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Each process has a queue of its own, as an event loop has; whose is served next is drawn.

    Time stands still while somebody can go on, and then jumps. A process that is frozen has no turn until
    it is thawed; one that is killed never has one again.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._now = 0.0
        self._queues: dict[int, deque[events.Handle]] = {}
        self._out: set[int] = set()
        "Frozen or dead."
        self._dead: set[int] = set()

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

    # What asyncio.BaseEventLoop asks of a loop.

    def _call_soon(self, callback: Callable[..., Any], args: Any, context: Any) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def _enqueue(self, handle: events.Handle) -> None:
        process = handle._context.get(PROCESS, 0)
        queue = self._queues.get(process)
        if queue is None:
            queue = self._queues[process] = deque()
        queue.append(handle)

    def _run_once(self) -> None:
        turns = [queue for queue in self._queues.values() if queue]
        if self._out:
            turns = [queue for process, queue in self._queues.items() if queue and process not in self._out]
        if turns:
            handle = (turns[0] if len(turns) == 1 else self._random.choice(turns)).popleft()
            if not handle._cancelled:
                handle._run()
        else:
            self._jump()

    def _jump(self) -> None:
        if not self._scheduled:
            raise Stuck
        self._now = max(self._now, self._scheduled[0]._when)
        while self._scheduled and self._scheduled[0]._when <= self._now:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            if not timer._cancelled:
                self._enqueue(timer)

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """They fall off the heap when their time comes."""

    def _process_events(self, event_list: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is no other thread."""
