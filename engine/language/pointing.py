"""Reads which task a stretch of a sentence points at."""

from __future__ import annotations

from engine.language.data import strings
from engine.language.patterns import at_end, at_start, whole
from engine.language.reading import Reading
from engine.language.references import AllRef, NumberRef, Ref, TitleRef
from engine.language.titles import written

EVERYTHING = whole("({everything}|LIST) [{from_list}]")
BEFORE = at_start(*strings("edges", "before_meant"))
AFTER = tuple(at_end(entry) for entry in strings("edges", "after_meant"))
BARE_NUMBER = whole("{digits}")
QUOTE_WITH_NOUN = 6
"Words; in more of them a quote is a part of the title, not all of it."


def pointed(reading: Reading) -> Ref | None:
    """The tasks meant, or None where the words only point ("that item")."""
    if not reading.words:
        return None
    if EVERYTHING.match(reading.line):
        return AllRef()
    if (number := _number(reading)) is not None:
        return number
    if (quotes := reading.values("QUOTE")) and len(reading) <= QUOTE_WITH_NOUN:
        return TitleRef(str(quotes[0]))
    bare = _bare(reading)
    if BARE_NUMBER.match(bare.line):
        return NumberRef(int(bare.line))
    title = written(bare)
    return TitleRef(title) if title else None


def _number(reading: Reading) -> NumberRef | None:
    """A number counts where it is (nearly) all that is said, or the first thing."""
    numbers = reading.values("NUMBER")
    leads = len(reading) <= 2 or reading.words[0].form == "NUMBER"
    return NumberRef(int(str(numbers[0]))) if len(numbers) == 1 and leads else None


def _bare(reading: Reading) -> Reading:
    """Without the noun in front of ("the task to …") or behind ("… item") the title itself."""
    line = reading.line
    start = found.end() if (found := BEFORE.match(line)) else 0
    ends = (found.start() for pattern in AFTER if (found := pattern.search(line)))
    end = next(ends, len(line))
    return reading.span(start, end) if start < end else reading
