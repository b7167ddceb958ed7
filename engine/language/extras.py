"""What a sentence says beside its titles: times and priorities."""

from __future__ import annotations

from dataclasses import dataclass

from engine.language.data import texts
from engine.language.intents import Priority
from engine.language.reading import Reading
from engine.language.when.spoken import When

LEVELS = texts("levels", "levels") | {str(priority): str(priority) for priority in Priority}


@dataclass(frozen=True, slots=True)
class Extras:
    """Times in the order they were found, and the priority that was named last."""

    times: tuple[When, ...] = ()
    priority: Priority | None = None

    def and_of(self, reading: Reading) -> Extras:
        """These, and those among the words of `reading`."""
        times = tuple(value for value in reading.values("WHEN") if isinstance(value, When))
        return Extras(self.times + times, priority_of(reading) or self.priority)

    @property
    def when(self) -> When | None:
        """The one time they make together."""
        if not self.times:
            return None
        first, *rest = self.times
        for other in rest:
            first = first.joined(other)
        return first


def priority_of(reading: Reading) -> Priority | None:
    """The last priority that the words name."""
    named = (LEVELS.get(word.form) for word in reversed(reading.words))
    return next((Priority(name) for name in named if name), None)
