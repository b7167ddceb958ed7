"""Reads which task a stretch of a sentence points at."""

from __future__ import annotations

import re

from engine.language.patterns import class_source, source
from engine.language.reading import Reading
from engine.language.references import AllRef, NumberRef, Ref, TitleRef
from engine.language.titles import written

EVERYTHING = re.compile(rf"(?:{class_source('everything')}|LIST )(?:{class_source('from_list')})?\Z")
NOUN_BEFORE = re.compile(
    source("[the|my|this|that|a|an|our] [{wild}] {task_kind} [is] (to|about|for|called|named|titled|of|that says|:|,|labeled|regarding|saying|on|which says)")
    + "|"
    + source("(the|my|this|that) {task_kind}")
    + "|" + source("(task|reminder|todo) [:|,|-]")
    + "|" + source("(item|entry|the item|the entry) [:]")
)
NOUN_AFTER = re.compile(r"(?<!\S)(?:" + source("(task|reminder|item|todo|to-do|entry|chore|to do) [item]") + "|" + source("{from_list}") + "|" + source("[,|.|;|:|-|please|now]") + r")\Z")


def pointed(reading: Reading) -> Ref | None:
    """The tasks meant, or None where the words only point ("that item")."""
    if not reading.words:
        return None
    if EVERYTHING.match(reading.line):
        return AllRef()
    if (number := _number(reading)) is not None:
        return number
    if (quotes := reading.values("QUOTE")) and len(reading) <= 6:
        return TitleRef(str(quotes[0]))
    title = written(_bare(reading))
    return TitleRef(title) if title else None


def _number(reading: Reading) -> NumberRef | None:
    """A number counts where it is all that is said, or the first thing."""
    numbers = reading.values("NUMBER")
    few = len(reading) <= 2 or reading.words[0].form == "NUMBER"
    return NumberRef(int(str(numbers[0]))) if len(numbers) == 1 and few else None


def _bare(reading: Reading) -> Reading:
    """Without the noun in front of ("the task to …") or behind ("… item") the title itself."""
    line = reading.line
    start = found.end() if (found := NOUN_BEFORE.match(line)) else 0
    end = found.start() if (found := NOUN_AFTER.search(line)) else len(line)
    return reading.span(start, end) if start < end else reading
