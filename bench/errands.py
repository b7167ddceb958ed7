"""What one user says to the task agent all day: a mix of sentences that always have a task to be about."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

MIX = ("create", "list", "complete", "update", "delete")
"Equally often, as long as the number of tasks stays where it was."

_VERBS = (
    "Call",
    "Email",
    "Visit",
    "Paint",
    "Repair",
    "Clean",
    "Sell",
    "Wash",
    "Order",
    "Measure",
    "Draw",
    "Move",
)
_QUALITIES = (
    "old",
    "new",
    "blue",
    "red",
    "small",
    "large",
    "broken",
    "wooden",
    "quiet",
    "spare",
    "second",
    "other",
)
_THINGS = (
    "bicycle", "garden hose", "kitchen table", "plumber", "guitar", "passport photo", "window", "lawn mower",
    "printer", "bookshelf", "coffee machine", "sofa", "tent", "umbrella", "piano teacher", "carpet",
)  # fmt: skip
_ROOM = 10
"How far the number of tasks may stray."


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence with holes, and what a bare route must know to do the same."""

    text: str
    fields: dict[str, object] = field(default_factory=dict[str, object])
    "What is changed, or for a list what it is narrowed to."


SAYINGS: dict[str, tuple[Saying, ...]] = {
    "create": (
        Saying("Create a task to {new}", {"title": "{new}"}),
        Saying("Add a high priority task to {new} by Friday", {"title": "{new}", "priority": 3}),
        Saying("Remind me tomorrow at 5pm to {new}", {"title": "{new}"}),
    ),
    "list": (
        Saying("Show my tasks"),
        Saying("What tasks do I have left?", {"completed": False}),
        Saying("Show me high priority tasks", {"priority": 3}),
    ),
    "complete": (
        Saying("Mark '{title}' as done", {"completed": True}),
        Saying("Complete task {number}", {"completed": True}),
        Saying("Undo completion of task {number}", {"completed": False}),
    ),
    "update": (
        Saying("Change '{title}' to '{new}'", {"title": "{new}"}),
        Saying("Rename task {number} to '{new}'", {"title": "{new}"}),
        Saying("Set the priority of task {number} to low", {"priority": 1}),
    ),
    "delete": (Saying("Delete '{title}'"), Saying("Remove task {number}")),
}


@dataclass(frozen=True, slots=True)
class Known:
    """A task as the user knows it."""

    number: int
    title: str


@dataclass(frozen=True, slots=True)
class Errand:
    """One sentence, and the same in a form that needs no understanding."""

    operation: str
    sentence: str
    task: Known | None
    by_number: bool
    fields: dict[str, object]


class Day:
    """One user's tasks, as far as they are not spoken of just now, and what is said next."""

    def __init__(self, tasks: list[Known], titles: Iterator[str], seed: int) -> None:
        self._free = tasks
        self._usual = len(tasks)
        self._titles = titles
        self._random = random.Random(seed)
        self._away = 0

    def next(self) -> Errand:
        """A task that it is about is the errand's own until `done`."""
        operation = self._random.choice(self._possible())
        task = self._take() if operation in ("complete", "update", "delete") else None
        saying = self._random.choice(SAYINGS[operation])
        holes: dict[str, object] = {"new": next(self._titles)}
        if task:
            holes |= {"number": task.number, "title": task.title}
        return Errand(
            operation,
            saying.text.format(**holes),
            task,
            by_number="{number}" in saying.text,
            fields={name: _filled(value, holes) for name, value in saying.fields.items()},
        )

    def done(self, errand: Errand, told: list[Known]) -> None:
        """`told` are the tasks of the answer."""
        self._away -= errand.task is not None
        if errand.operation in ("create", "complete", "update"):
            self._free += told

    def _possible(self) -> list[str]:
        here = len(self._free) + self._away
        few, many = here < self._usual - _ROOM, here > self._usual + _ROOM
        left_out = {"create"} if many else {"delete"} if few else set[str]()
        if not self._free:
            return ["create", "list"]
        return [operation for operation in MIX if operation not in left_out]

    def _take(self) -> Known:
        self._away += 1
        place = self._random.randrange(len(self._free))
        self._free[place], self._free[-1] = self._free[-1], self._free[place]
        return self._free.pop()


def _filled(value: object, holes: dict[str, object]) -> object:
    return value.format(**holes) if isinstance(value, str) else value


def titles(seed: int) -> Iterator[str]:
    """Titles in an order of their own, each but once in 2,304."""
    every = [
        f"{verb} the {quality} {thing}"
        for verb, quality, thing in itertools.product(_VERBS, _QUALITIES, _THINGS)
    ]
    random.Random(seed).shuffle(every)
    return itertools.cycle(every)
