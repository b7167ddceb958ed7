"""Splits a message into its operations: only where every piece is an operation by itself."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from engine.language.courtesy import core
from engine.language.operations import anchored, understood
from engine.language.patterns import class_source
from engine.language.reading import Reading, Word
from engine.language.understanding import Understanding

JOINT = re.compile(rf"(?<!\S)(?:[,.;!?] |and |then |also |plus |next |& |after that |afterwards |finally )+(?={class_source('opening')})")
MOST = 10
"Operations in one message; a message with more joints than that is read as one."


def operations(reading: Reading, now: datetime, zone: ZoneInfo) -> list[Understanding]:
    """The operations of a message, in order; at least one (which may be UNKNOWN)."""
    joints = [joint.span() for joint in JOINT.finditer(reading.line) if joint.start()]
    pieces = _Split(reading, joints[: MOST - 1], now, zone).pieces() if joints else None
    found = [understood(one, now, zone) for piece in pieces or [reading] for one in _singles(piece)]
    return [one for one, before in zip(found, [None, *found], strict=False) if one != before]


class _Split:
    """Finds the leftmost cuts of which every piece is an operation."""

    def __init__(self, reading: Reading, joints: list[tuple[int, int]], now: datetime, zone: ZoneInfo) -> None:
        self._reading = reading
        self._joints = joints
        self._now, self._zone = now, zone
        self._from = cache(self._pieces_from)

    def pieces(self) -> list[Reading] | None:
        """None where the message is one operation."""
        found = self._from(0, 0)
        return found if found and len(found) > 1 else None

    def _pieces_from(self, start: int, first_joint: int) -> list[Reading] | None:
        for n, (end, after) in enumerate(self._joints[first_joint:], start=first_joint + 1):
            head = self._reading.span(start, end)
            if self._is_operation(head) and (rest := self._from(after, n)):
                return [head, *rest]
        tail = self._reading.span(start, len(self._reading.line))
        return [tail] if self._is_operation(tail) else None

    def _is_operation(self, piece: Reading) -> bool:
        if not piece.words or not anchored(core(piece)):
            return False
        return understood(piece, self._now, self._zone).tool is not None


def _singles(piece: Reading) -> list[Reading]:
    """One reading for each number of "tasks 2, 3 and 5"."""
    at = next((n for n, word in enumerate(piece.words) if word.form == "NUMBERS"), None)
    if at is None:
        return [piece]
    many = piece.words[at]
    numbers = [int(number) for number in re.findall(r"\d+", str(many.value))]
    ones = [Word("NUMBER", many.start, many.end, number) for number in numbers]
    return [piece.only((*piece.words[:at], one, *piece.words[at + 1 :])) for one in ones]
