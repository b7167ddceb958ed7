"""Marks the stretches of a reading that count as one: times, lists, task numbers, priorities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.language.data import as_strings, tables
from engine.language.numerals import number_of
from engine.language.patterns import Pattern, anywhere
from engine.language.reading import Reading
from engine.language.when.reckoning import with_times


@dataclass(frozen=True, slots=True)
class ListName:
    """What a list was called; `guessed` when only its place in the sentence says that it holds tasks."""

    text: str
    guessed: bool

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ChunkKind:
    """One table of chunks.toml."""

    name: str
    guess: bool
    patterns: tuple[Pattern, ...]

    def value(self, found: re.Match[str]) -> object:
        """What the chunk stands for: a number, the numbers of a row, or the name of a list."""
        held = found.groupdict()
        if number := held.get("n"):
            return number_of(number)
        return held.get("many") or ListName(found[0], self.guess)


KINDS = tuple(
    ChunkKind(
        str(entry["name"]),
        bool(entry.get("guess")),
        tuple(anywhere(pattern) for pattern in as_strings(entry["say"])),
    )
    for entry in tables("chunks", "chunks")
)


def chunked(reading: Reading, now: datetime) -> Reading:
    """The reading with every chunk in it. `now` is aware, in the speaker's zone."""
    for kind in KINDS:
        found = list(_longest(reading.line, kind.patterns))
        if found:
            reading = reading.with_chunks(
                (match.start(), match.end(), kind.name, kind.value(match)) for match in found
            )
    return with_times(reading, now)


def _longest(line: str, patterns: tuple[Pattern, ...]) -> Iterator[re.Match[str]]:
    found = [match for pattern in patterns for match in pattern.finditer(line)]
    done = 0
    for match in sorted(found, key=lambda match: (match.start(), -match.end())):
        if match.start() >= done:
            yield match
            done = match.end()
