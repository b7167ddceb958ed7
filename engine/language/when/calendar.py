"""The days that the day parts of a time mean, seen from today."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from dateutil.relativedelta import MO, SA, SU, relativedelta, weekday

from engine.language.numerals import number_of
from engine.language.patterns import CLASSES
from engine.language.when.parts import Part

Days = tuple[date, date]
"First and last day, both included."


def _positions(name: str, first: int) -> dict[str, int]:
    words = ((word, n) for n, entry in enumerate(CLASSES[name], first) for word in entry.split("|"))
    return {word.removesuffix(" [.]"): n for word, n in words}


WEEKDAYS = _positions("weekday", 0)
MONTHS = _positions("month", 1)


def _one(day: date) -> Days:
    return day, day


def _offset(part: Part, today: date) -> Days:
    return _one(today + timedelta(days=part.number("plus")))


def _weekday(part: Part, today: date) -> Days:
    """The next such day after today."""
    name = WEEKDAYS[part.word("weekday") or ""]
    later = timedelta(days=part.number("plus"))
    return _one(today + timedelta(days=1) + relativedelta(weekday=weekday(name)) + later)


def _coming(today: date, day: int, month: int | None, year: int | None) -> date:
    """The first such date from today on. Raises ValueError for a day the calendar lacks."""
    step = relativedelta(months=1) if month is None else relativedelta(years=1)
    start = date(year or today.year, month or today.month, 1)
    tries = [start + n * step for n in range(1 if year else 9)]
    days = [first.replace(day=day) for first in tries if _has_day(first, day)]
    coming = next((found for found in days if year or found >= today), None)
    if coming is None:
        raise ValueError("no such day")
    return coming


def _has_day(first: date, day: int) -> bool:
    return 1 <= day <= (first + relativedelta(day=31)).day


def _date(part: Part, today: date) -> Days:
    month = MONTHS[(part.word("month") or "").removesuffix(" .")]
    year = part.word("year")
    return _one(_coming(today, number_of(part.word("day") or ""), month, int(year) if year else None))


def _day_number(part: Part, today: date) -> Days:
    return _one(_coming(today, number_of(part.word("day") or ""), None, None))


def _iso(part: Part, today: date) -> Days:  # noqa: ARG001 - one signature for every kind
    year, month, day = map(int, (part.word("iso") or "").split("-"))
    return _one(date(year, month, day))


def _slashed(part: Part, today: date) -> Days:
    """Month first with "/", day first with "."; the other way round where only that is a date."""
    written = part.word("slashed") or ""
    first, second, *rest = map(int, re.split(r"[/.]", written))
    month, day = (second, first) if "." in written or first > 12 else (first, second)
    year = 2000 + rest[0] % 2000 if rest else None
    return _one(_coming(today, day, month, year))


def _week(part: Part, today: date) -> Days:
    monday = today + relativedelta(weekday=MO(-1), weeks=part.number("plus"))
    return max(monday, today), monday + timedelta(days=6)


def _month(part: Part, today: date) -> Days:
    first = today + relativedelta(day=1, months=part.number("plus"))
    return max(first, today), first + relativedelta(day=31)


def _weekend(part: Part, today: date) -> Days:  # noqa: ARG001 - one signature for every kind
    sunday = today + relativedelta(weekday=SU)
    return max(today, sunday + relativedelta(weekday=SA(-1))), sunday


def _end(part: Part, today: date) -> Days:
    """The last day of this (or the next) week, month, quarter or year."""
    span = (part.word("span") or "").removesuffix("'s end").removeprefix("eo")
    later = 1 if part.word("next") else 0
    if span.startswith("w"):
        return _one(today + relativedelta(weekday=SU, weeks=later))
    if span.startswith("m"):
        return _one(today + relativedelta(months=later, day=31))
    if span.startswith("q"):
        return _one(today + relativedelta(months=2 - (today.month - 1) % 3 + 3 * later, day=31))
    return _one(today + relativedelta(years=later, month=12, day=31))


KINDS: dict[str, Callable[[Part, date], Days]] = {
    "offset": _offset,
    "weekday": _weekday,
    "date": _date,
    "day_number": _day_number,
    "iso": _iso,
    "slashed": _slashed,
    "week": _week,
    "month": _month,
    "weekend": _weekend,
    "end": _end,
    "end_of_day": lambda _part, today: _one(today),
    "every": lambda _part, today: _one(today),
}


def days_of(part: Part, today: date) -> Days:
    """Raises ValueError or OverflowError where no calendar has that day."""
    return KINDS[part.manner.kind](part, today)
