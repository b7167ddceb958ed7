"""How a sentence points at tasks: by number, by title, or at all of them. `str` is for an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NumberRef:
    """The task with this number."""

    number: int

    def __str__(self) -> str:
        return f"task {self.number}"

    def as_json(self) -> dict[str, object]:
        return {"number": self.number}


@dataclass(frozen=True, slots=True)
class TitleRef:
    """The task with (nearly) this title."""

    title: str

    def __str__(self) -> str:
        return f"'{self.title}'"

    def as_json(self) -> dict[str, object]:
        return {"title": self.title}


@dataclass(frozen=True, slots=True)
class AllRef:
    """Every task of the user."""

    def __str__(self) -> str:
        return "all tasks"

    def as_json(self) -> dict[str, object]:
        return {"all": True}


Ref = NumberRef | TitleRef | AllRef
