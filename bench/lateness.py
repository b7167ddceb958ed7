"""How late a frame is, from the commit of an event to the client that hears of it, and at what load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from bench.audience import Crowd, Ground
from bench.figures import MILLI, percentile

_PENS = 4
"Who write at the same time, each event in a transaction of its own."
_LATE = 100
"Milliseconds of p99 beyond which a load is too much."
_KEPT = 0.95
"Of the rate that was asked for: below it those who write, and with them Postgres, are at their end."
_LOWEST, _STEP = 250.0, 1.5
"Events a second to begin with, and how much more each time."


@dataclass(frozen=True, slots=True)
class Pace:
    """What became of events at one rate."""

    asked: float
    "Events a second."
    kept: float
    late: list[float]
    "Seconds, of each frame."

    def percentile(self, percent: float) -> float:
        """Milliseconds."""
        return percentile(self.late, percent) * MILLI

    def __str__(self) -> str:
        return f"{self.asked:,.0f} events/s: {self.kept:,.0f} written, p99 {self.percentile(99):.1f} ms"

    @property
    def is_borne(self) -> bool:
        """Whether all were written, and told in time."""
        return self.kept >= _KEPT * self.asked and self.percentile(99) <= _LATE


class Rhythm:
    """Events at a rate that waits for no frame. Each run has one subscriber, and one event under way."""

    def __init__(self, ground: Ground, port: int) -> None:
        self._ground = ground
        self._crowd = Crowd(ground, port, self._hear)
        self._free: asyncio.Queue[UUID] = asyncio.Queue()
        self._committed: dict[UUID, float] = {}
        self._heard: set[UUID] = set()
        self._late: list[float] = []

    async def join(self, runs: Sequence[UUID]) -> None:
        """Watch these."""
        await self._crowd.join(runs)
        for run in runs:
            self._free.put_nowait(run)

    def leave(self) -> None:
        """Watch no more."""
        self._crowd.leave()

    async def play(self, rate: float, seconds: float) -> Pace:
        """Write so many events a second, and wait until all were told."""
        self._late = []
        count = max(int(rate * seconds), 1)
        began, numbers = time.perf_counter(), iter(range(count))
        await asyncio.gather(*(self._write(began, rate, numbers) for _ in range(_PENS)))
        kept = count / (time.perf_counter() - began)
        await self._crowd.until(lambda: len(self._late) >= count)
        return Pace(rate, kept, self._late)

    async def saturation(self, seconds: float) -> tuple[Pace, Pace]:
        """The fastest pace that is borne, each tried for so long, or the lowest; and the one after it."""
        best = await self.play(_LOWEST, seconds)
        while (pace := await self.play(best.asked * _STEP, seconds)).is_borne:
            best = pace
        return best, pace

    async def _write(self, began: float, rate: float, numbers: Iterator[int]) -> None:
        for number in numbers:
            await asyncio.sleep(max(began + number / rate - time.perf_counter(), 0))
            run = await self._free.get()
            await self._ground.write([run])
            if run in self._heard:  # the frame was here before our own commit had told us
                self._heard.remove(run)
                self._tell(run, 0)
            else:
                self._committed[run] = time.perf_counter()

    def _hear(self, run: UUID) -> None:
        at = self._committed.pop(run, None)
        if at is None:
            self._heard.add(run)
        else:
            self._tell(run, time.perf_counter() - at)

    def _tell(self, run: UUID, late: float) -> None:
        self._late.append(late)
        self._free.put_nowait(run)
