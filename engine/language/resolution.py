"""Finds the tasks a reference means among the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from engine.language.references import AllRef, NumberRef, Ref, TitleRef

SIMILAR = 0.7
"A title less alike than this is not meant."
AS_GOOD = 0.05
"Titles nearer to each other than this are equally good."


@dataclass(frozen=True, slots=True)
class KnownTask:
    """What has to be known of a task to find it."""

    id: str
    number: int
    title: str
    completed: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task that could be meant; `similarity` of its title from 0 to 1."""

    task: KnownTask
    similarity: float


@dataclass(frozen=True, slots=True)
class Match:
    """The tasks meant: one, or with `all` every one (perhaps none)."""

    tasks: tuple[KnownTask, ...]
    similarity: float = 1.0


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several tasks are equally good; the best first."""

    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """No task is meant."""

    ref: Ref


def resolve(ref: Ref, tasks: Sequence[KnownTask]) -> Match | Ambiguous | Missing:
    """The tasks that `ref` means. Titles equal but for case and marks win over merely similar ones."""
    match ref:
        case AllRef():
            return Match(tuple(tasks))
        case NumberRef(number):
            return _by_number(ref, number, tasks)
        case TitleRef(title):
            return _by_title(ref, title, tasks)


def _by_number(ref: Ref, number: int, tasks: Sequence[KnownTask]) -> Match | Missing:
    found = next((task for task in tasks if task.number == number), None)
    return Match((found,)) if found else Missing(ref)


def _by_title(ref: Ref, title: str, tasks: Sequence[KnownTask]) -> Match | Ambiguous | Missing:
    ranked = sorted((_candidate(title, task) for task in tasks), key=_rank)
    likely = [one for one in ranked if one.similarity >= SIMILAR]
    if not likely:
        return Missing(ref)
    best = likely[0]
    as_good = [one for one in likely if _as_good(one, best)]
    if len(as_good) > 1:
        return Ambiguous(tuple(as_good))
    return Match((best.task,), best.similarity)


def _as_good(one: Candidate, best: Candidate) -> bool:
    """Beside an exact title only another exact one is as good."""
    allowed = 0.0 if best.similarity == 1 else AS_GOOD
    return best.similarity - one.similarity <= allowed


def _rank(one: Candidate) -> tuple[float, int]:
    return -one.similarity, one.task.number


def _candidate(title: str, task: KnownTask) -> Candidate:
    return Candidate(task, similarity(title, task.title))


def similarity(one: str, other: str) -> float:
    """From 0 to 1, without regard to case, marks and order; 1 only for the same words in order."""
    a, b = _plain(one), _plain(other)
    if a == b:
        return 1.0
    alike = max(fuzz.ratio(a, b), 0.99 * fuzz.token_sort_ratio(a, b)) / 100
    return round(min(alike, 0.99), 4)


def _plain(title: str) -> str:
    """In lower case without marks; a title of marks only stays what it is."""
    return " ".join(default_process(title).split()) or title.strip().casefold()
