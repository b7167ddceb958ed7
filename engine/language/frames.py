"""Frames: the ways of saying a thing, each with what it means and how sure one can be of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.language.data import Table, as_strings, tables
from engine.language.intents import Intent
from engine.language.patterns import Pattern, whole
from engine.language.reading import Reading

FILES = (
    ("frames_complete", Intent.COMPLETE),
    ("frames_update", Intent.UPDATE),
    ("frames_delete", Intent.DELETE),
    ("frames_list", Intent.LIST),
    ("frames_create", Intent.CREATE),
)
"In the order they are tried; the intent is that of frames that name none."


@dataclass(frozen=True, slots=True)
class Frame:
    """A group of patterns under one rule; `entry` is its table in the grammar."""

    intent: Intent
    rule: str
    confidence: float
    entry: Table
    patterns: tuple[Pattern, ...]

    def says(self, key: str) -> object:
        """What the frame itself states of an argument (`completed = false`), or None."""
        return self.entry.get(key)


@dataclass(frozen=True, slots=True)
class Framed:
    """A reading that fits a frame."""

    frame: Frame
    reading: Reading
    found: re.Match[str]

    def slot(self, name: str) -> Reading | None:
        """The words a slot holds."""
        if self.found.groupdict().get(name) is None:
            return None
        return self.reading.span(*self.found.span(name))

    def outside(self, *slots: str) -> Reading:
        """The words that none of these slots holds."""
        held = [slot for name in slots if (slot := self.slot(name))]
        taken = {word for slot in held for word in slot.words}
        return self.reading.only(word for word in self.reading.words if word not in taken)


def _load(file: str, intent: Intent) -> Iterator[Frame]:
    for entry in tables(file, "frames"):
        yield Frame(
            Intent(str(entry.get("intent", intent))),
            str(entry["rule"]),
            float(str(entry["confidence"])),
            entry,
            tuple(whole(pattern) for pattern in as_strings(entry["say"])),
        )


REFUSALS = tuple(_load("frames_refuse", Intent.UNKNOWN))
"What looks like an order and is none."

REQUESTS = tuple(frame for file, intent in FILES for frame in _load(file, intent))
"The whole grammar of requests, in the order it is tried."

LOOSE = tuple(_load("frames_loose", Intent.UNKNOWN))
"What is still likely when nothing firmer was said."


def first_fit(reading: Reading, frames: Iterable[Frame]) -> Framed | None:
    """The first of the frames, and the first of its patterns, that the reading fits."""
    for frame in frames:
        found = next(filter(None, (pattern.match(reading.line) for pattern in frame.patterns)), None)
        if found:
            return Framed(frame, reading, found)
    return None
