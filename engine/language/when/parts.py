"""Finds the parts of a time ("tomorrow", "at five") and the stretches where they stand side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.language.data import Table, as_strings, tables
from engine.language.patterns import Pattern, anywhere, class_source
from engine.language.reading import Reading

GAP = re.compile(r"(?:, |and |- |\( )?")


@dataclass(frozen=True, slots=True)
class Manner:
    """One way of saying a part: `entry` is its table in when.toml."""

    entry: Table
    is_day: bool
    pattern: Pattern

    @property
    def kind(self) -> str:
        return str(self.entry["kind"])


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it stands in a line."""

    manner: Manner
    found: re.Match[str]

    @property
    def start(self) -> int:
        return self.found.start()

    @property
    def end(self) -> int:
        return self.found.end()

    @property
    def relation(self) -> str:
        return (self.found["rel"] or "").strip()

    def word(self, slot: str) -> str | None:
        """What a slot of the part's pattern took, or None."""
        held = self.found.groupdict().get(slot)
        return held and held.strip()

    def number(self, key: str) -> int:
        """A number of the part's entry in when.toml, 0 where it has none."""
        return int(str(self.manner.entry.get(key, 0)))


def _manners() -> Iterator[Manner]:
    for key in ("days", "times"):
        for entry in tables("when", key):
            before = f"<rel:{entry['behind']}> " if "behind" in entry else "[<rel:relation>] "
            behind = rf"(?={class_source(str(entry['ahead_of']))}|\Z)" if "ahead_of" in entry else ""
            for pattern in as_strings(entry["say"]):
                yield Manner(entry, key == "days", anywhere(before + pattern, behind))


MANNERS = tuple(_manners())


def runs(reading: Reading) -> list[list[Part]]:
    """The parts that belong together, in order. No two runs touch."""
    together: list[list[Part]] = []
    for part in _longest(reading.line):
        if together and _joins(reading.line, together[-1], part):
            together[-1].append(part)
        else:
            together.append([part])
    return [kept for run in together if (kept := _supported(run))]


def _longest(line: str) -> Iterator[Part]:
    found = [Part(manner, match) for manner in MANNERS for match in manner.pattern.finditer(line)]
    done = 0
    for part in sorted(found, key=lambda part: (part.start, -part.end)):
        if part.start >= done:
            yield part
            done = part.end


def _joins(line: str, run: list[Part], part: Part) -> bool:
    """Side by side, and the run doesn't name a day (or an hour) already."""
    near = GAP.fullmatch(line, run[-1].end, part.start) is not None
    return near and not any(_rivals(part, other) for other in run)


def _rivals(part: Part, other: Part) -> bool:
    parts_of_day = [one.manner.kind == "part" for one in (part, other)]
    return part.manner.is_day == other.manner.is_day and not any(parts_of_day)


def _supported(run: list[Part]) -> list[Part]:
    """The run without words that mean a time only beside something else."""
    if all(part.manner.entry.get("beside") for part in run):
        return []
    return run
