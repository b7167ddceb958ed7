"""When to try again: later each time, and never all at once."""

from __future__ import annotations

from random import SystemRandom

_DICE = SystemRandom()


class Backoff:
    """Seconds to wait after each failure in a row: doubling from `first` to `most`, less up to a half."""

    def __init__(self, first: float = 0.05, most: float = 2.0) -> None:
        self._first, self._most = first, most
        self._next = first

    def failed(self) -> float:
        """How long to wait now."""
        seconds, self._next = self._next, min(self._next * 2, self._most)
        return jittered(seconds)

    def succeeded(self) -> None:
        """The next failure is a first one again."""
        self._next = self._first


def jittered(seconds: float) -> float:
    """This long or up to a half less, so that what began together does not stay together."""
    return seconds * _DICE.uniform(0.5, 1)
