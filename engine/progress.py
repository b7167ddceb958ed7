"""How far a run is: never falling within an attempt, and told at most four times a second."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_MESSAGE = 500
INTERVAL_SECONDS = 0.35
"Three of these a second, and the one that goes with the end of the run."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; percent from 0 to 100, None when unknown."""

    percent: float | None
    message: str | None = None


class Meter:
    """Of one run in one attempt: what was reported, and what of it is to be told now.

    `now` counts seconds. What is reported too soon after the last telling waits: only the newest is kept.
    """

    def __init__(self, now: Callable[[], float], percent: float | None = None) -> None:
        self._now = now
        self._percent = percent
        self._newest: Progress | None = None
        self._waiting: Progress | None = None
        self._told_at = -math.inf

    def report(self, progress: Progress) -> None:
        """Take it up, where it is news.

        A percent that falls stays where it was; one beyond the bounds is brought into them.
        """
        percent = self._percent
        if progress.percent is not None and not math.isnan(progress.percent):
            percent = max(percent or 0.0, min(100.0, max(0.0, float(progress.percent))))
        self._percent = percent
        message = progress.message and progress.message[:LONGEST_MESSAGE]
        told = Progress(percent, message)
        if told != self._newest:
            self._newest = self._waiting = told

    def forget(self) -> None:
        """What was told may never have arrived: it is news again."""
        self._newest = None

    @property
    def seconds_to_wait(self) -> float | None:
        """How long until what waits may be told; None where nothing waits."""
        if self._waiting is None:
            return None
        return max(0.0, self._told_at + INTERVAL_SECONDS - self._now())

    def take(self, *, is_last: bool = False) -> Progress | None:
        """What is to be told now. The last word of a run never waits."""
        if self._waiting is None or (self.seconds_to_wait and not is_last):
            return None
        progress, self._waiting = self._waiting, None
        self._told_at = self._now()
        return progress
