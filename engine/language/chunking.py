"""Marks the stretches of a reading that count as one: times, lists, task numbers, priorities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from engine.language.data import as_strings, tables
from engine.language.numerals import number_of
from engine.language.patterns import anywhere
from engine.language.reading import Reading
from engine.language.when.reckoning import with_times

PATTERNS = tuple(
    (str(entry["name"]), tuple(anywhere(pattern) for pattern in as_strings(entry["say"])))
    for entry in tables("chunks", "chunks")
)


def chunked(reading: Reading, now: datetime) -> Reading:
    """The reading with every chunk in it. `now` is aware, in the speaker's zone."""
    for name, patterns in PATTERNS:
        reading = reading.with_chunks(
            (found.start(), found.end(), name, _value(found)) for found in _longest(reading.line, patterns)
        )
    return with_times(reading, now)


def _longest(line: str, patterns: tuple[re.Pattern[str], ...]) -> Iterator[re.Match[str]]:
    found = [match for pattern in patterns for match in pattern.finditer(line)]
    done = 0
    for match in sorted(found, key=lambda match: (match.start(), -match.end())):
        if match.start() >= done:
            yield match
            done = match.end()


def _value(found: re.Match[str]) -> int | str:
    held = found.groupdict()
    if number := held.get("n"):
        return number_of(number)
    return held.get("many") or found[0]
