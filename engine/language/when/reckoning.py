"""Reckons what the parts of a time mean together, seen from now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from dateutil.relativedelta import relativedelta

from engine.language.numerals import number_of
from engine.language.reading import Reading
from engine.language.when.calendar import days_of
from engine.language.when.clock import Hour, hour_of
from engine.language.when.parts import Part, runs
from engine.language.when.spoken import When

UNITS = {
    "mi": "minutes",
    "ho": "hours",
    "hr": "hours",
    "da": "days",
    "we": "weeks",
    "fo": "fortnights",
    "mo": "months",
    "ye": "years",
}

DAWN = 6
"The hour from which a morning has begun."


def with_times(reading: Reading, now: datetime) -> Reading:
    """The reading with every time in it as one WHEN chunk. `now` is aware, in the speaker's zone."""
    found = ((run, reckoned(run, now)) for run in runs(reading))
    return reading.with_chunks(
        (run[0].start, run[-1].end, "WHEN", when) for run, when in found if when is not None
    )


def reckoned(run: list[Part], now: datetime) -> When | None:
    """What the parts mean, or None where calendar or clock knows no such time ("february 30")."""
    try:
        return _reckoned(run, now)
    except (ValueError, OverflowError):
        return None


def _reckoned(run: list[Part], now: datetime) -> When:
    relation = next(filter(None, (part.relation for part in run)), "")
    ahead = next((part for part in run if part.manner.kind in ("ahead", "half_hour")), None)
    if ahead:
        return _ahead(ahead, run, now)
    day = next((part for part in run if part.manner.is_day), None)
    hour = hour_of(run)
    first, last = days_of(day, now.date()) if day else _unsaid(run, hour, now)
    return When(
        first,
        last,
        hour and hour.on(first, now),
        relation=relation.removesuffix(" the"),
        recurring=any(part.manner.kind == "every" for part in run),
        names_day=day is not None,
        running=first == now.date() < last,
    )


def _unsaid(run: list[Part], hour: Hour | None, now: datetime) -> tuple[date, date]:
    """Today; but "in the morning", said when it is morning already, is the next one."""
    next_one = hour is None and now.hour >= DAWN and any(part.manner.entry.get("next") for part in run)
    day = now.date() + timedelta(days=1 if next_one else 0)
    return day, day


def _ahead(part: Part, run: list[Part], now: datetime) -> When:
    """So long from now: hours and minutes to the minute, days and more as days."""
    if part.manner.kind == "half_hour":
        return _moment(relativedelta(minutes=30), now)
    step = _step(part, "n", "unit")
    if part.word("less"):
        step += _step(part, "more", "less")
    if step.hours or step.minutes:
        return _moment(step, now)
    day, hour = (now + step).date(), hour_of(run)
    return When(day, day, hour and hour.on(day, now))


def _step(part: Part, number: str, unit: str) -> relativedelta:
    """The length of "3 weeks"; without a number it is one."""
    n = number_of(part.word(number) or "a")
    name = UNITS[(part.word(unit) or "")[:2]]
    lengths = {"minutes": (0, 0, n), "hours": (0, n, 0), "days": (n, 0, 0), "weeks": (7 * n, 0, 0)}
    days, hours, minutes = lengths.get(name, (14 * n if name == "fortnights" else 0, 0, 0))
    months = {"months": n, "years": 12 * n}.get(name, 0)
    return relativedelta(months=months, days=days, hours=hours, minutes=minutes)


def _moment(step: relativedelta, now: datetime) -> When:
    """Real hours, also where the clocks are changed in between."""
    then = (now.astimezone(UTC) + step).astimezone(now.tzinfo)
    return When(then.date(), then.date(), then.time().replace(second=0, microsecond=0))
