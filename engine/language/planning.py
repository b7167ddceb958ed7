"""Splits a message into its operations: only where every piece is an operation by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from engine.language.courtesy import core
from engine.language.operations import anchored, understood
from engine.language.patterns import anywhere, source
from engine.language.reading import Reading, Word
from engine.language.understanding import Understanding

JOINT = anywhere("{joint}", rf"{{1,4}}(?=(?<!\S){source('{opening}')})")
QUOTES = anywhere("QUOTE {quoted_too}+")
MOST = 10
"Operations in one message; further joints are read as a part of the last one."


def operations(reading: Reading, now: datetime, zone: ZoneInfo) -> list[Understanding]:
    """The operations of a message, in order; at least one (which may be UNKNOWN)."""

    @cache
    def said(piece: Reading) -> Understanding:
        return understood(piece, now, zone)

    def is_operation(piece: Reading) -> bool:
        return anchored(core(piece)) and said(piece).tool is not None

    pieces = _pieces(reading, is_operation)
    found = [said(one) for piece in pieces for one in _singles(piece)]
    return [one for one, before in zip(found, [None, *found], strict=False) if one != before]


def _pieces(reading: Reading, is_operation: Callable[[Reading], bool]) -> list[Reading]:
    """The leftmost cuts of which every piece is an operation, or the whole where there are none."""
    joints = [joint.span() for joint in JOINT.finditer(reading.line) if joint.start()][: MOST - 1]
    if not joints:
        return [reading]
    ends = [*(start for start, _ in joints), len(reading.line)]
    starts = [0, *(end for _, end in joints)]
    return _cut(reading, starts, ends, is_operation) or [reading]


def _cut(
    reading: Reading, starts: list[int], ends: list[int], is_operation: Callable[[Reading], bool]
) -> list[Reading] | None:
    """Filled from the back: the pieces from each start on, or None where no cuts work."""
    best: dict[int, list[Reading] | None] = {len(starts): []}
    for n in reversed(range(len(starts))):
        cuts = ((reading.span(starts[n], ends[m]), best[m + 1]) for m in range(n, len(starts)))
        works = (([head, *rest]) for head, rest in cuts if rest is not None and is_operation(head))
        best[n] = next(works, None)
    return best[0]


def _singles(piece: Reading) -> list[Reading]:
    """One reading for each task of "tasks 2, 3 and 5", or of "'Buy milk' and 'Buy eggs'"."""
    if row := _numbers(piece) or _quotes(piece):
        start, end, ones = row
        return [piece.only((*piece.words[:start], one, *piece.words[end:])) for one in ones]
    return [piece]


def _numbers(piece: Reading) -> tuple[int, int, list[Word]] | None:
    for at, word in enumerate(piece.words):
        if word.form == "NUMBERS":
            numbers = re.findall(r"\d+", str(word.value))
            return at, at + 1, [Word("NUMBER", word.start, word.end, int(number)) for number in numbers]
    return None


def _quotes(piece: Reading) -> tuple[int, int, list[Word]] | None:
    found = QUOTES.search(piece.line)
    if not found:
        return None
    row = piece.span(*found.span()).words
    start = piece.words.index(row[0])
    return start, start + len(row), [word for word in row if word.form == "QUOTE"]
