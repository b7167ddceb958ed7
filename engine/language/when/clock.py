"""The hour that the time parts mean; an hour without am or pm is taken as people mean it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from engine.language.numerals import number_of
from engine.language.when.parts import Part

LATE = frozenset({"afternoon", "evening", "night"})
EARLIEST_MORNING = 8
"An hour below this one, without am or pm, is after noon."


@dataclass(frozen=True, slots=True)
class Hour:
    """As said: `half` is "a", "p" or "" where the sentence leaves it open."""

    hour: int
    minute: int
    half: str

    def on(self, day: date, now: datetime) -> time:
        """The time of day meant. Raises ValueError where no clock shows it."""
        hour = self.hour
        if self.half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if self.half == "p" else 0)
        elif not self.half and 1 <= hour <= 12:
            hour = self._guess(day, now)
        return time(hour, self.minute)

    def _guess(self, day: date, now: datetime) -> int:
        if self.hour < EARLIEST_MORNING:
            return self.hour + 12
        over = day == now.date() and time(self.hour, self.minute) <= now.time().replace(tzinfo=None)
        return self.hour % 12 + 12 if over else self.hour


def hour_of(parts: list[Part]) -> Hour | None:
    """The hour among the parts of one time, or None when only a day (or a part of it) is named."""
    half = next((half for part in parts if (half := _half_of_day(part))), "")
    return next((hour for part in parts if (hour := _hour(part, half))), None)


def _half_of_day(part: Part) -> str:
    said = part.word("part") or str(part.manner.entry.get("part", ""))
    return ("p" if said in LATE else "a") if said else ""


def _hour(part: Part, half: str) -> Hour | None:
    kind = part.manner.kind
    if kind == "fixed":
        return Hour(part.number("hour"), 0, "a" if part.number("hour") == 0 else "p")
    if kind == "quarter":
        turned = timedelta(hours=number_of(part.word("clock") or ""), minutes=part.number("plus"))
        return Hour(turned.seconds // 3600, turned.seconds // 60 % 60, half)
    return _clock(part, half) if kind == "clock" else None


def _clock(part: Part, half: str) -> Hour:
    said = part.word("clock") or ""
    shown = re.fullmatch(r"(\d{1,2})(?:[:.](\d\d))?([ap])?m?", said)
    hour = int(shown[1]) if shown else number_of(said)
    minute = shown[2] if shown and shown[2] else part.word("minutes")
    own = (shown and shown[3]) or (part.word("half") or "")[:1]
    exact = re.fullmatch(r"0\d[:.]\d\d|00:\d\d", said)
    return Hour(hour, number_of(minute) if minute else 0, own or half or ("a" if exact else ""))
