"""Cron by the clock of a time zone, beside a walk through every minute of real time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.commands.cron import Cron, NotCron

MOST = 25
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TURNS = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    # Half an hour, both ways.
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    # Midnight is skipped, or comes twice.
    ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),
    # A whole day is skipped.
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 5, 1, 12, tzinfo=UTC)),
]
LIMITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


@dataclass(frozen=True)
class Field:
    """One field as it is written, and what it stands for."""

    text: str
    values: frozenset[int]

    @property
    def is_star(self) -> bool:
        return self.text.startswith("*")


def field(name: str) -> st.SearchStrategy[Field]:
    low, high = LIMITS[name]
    every = range(low, high + 1)
    number = st.integers(low, high)
    step = st.integers(1, 20)
    return st.one_of(
        st.just(Field("*", frozenset(every))),
        step.map(lambda n: Field(f"*/{n}", frozenset(every[::n]))),
        st.lists(number, min_size=1, max_size=4, unique=True).map(
            lambda some: Field(",".join(map(str, some)), frozenset(some))
        ),
        st.tuples(number, number, step).map(_stepped),
    )


def _stepped(drawn: tuple[int, int, int]) -> Field:
    start, end, step = min(drawn[:2]), max(drawn[:2]), drawn[2]
    if start == end:
        return Field(str(start), frozenset({start}))
    return Field(f"{start}-{end}/{step}", frozenset(range(start, end + 1, step)))


EVERY = Field("*", frozenset(range(32)))
near = st.one_of(st.just(EVERY), field("day"))
fields = st.tuples(
    field("minute"), field("hour"), near, st.just(EVERY), st.one_of(st.just(EVERY), field("weekday"))
)


def is_due(wall: datetime, wanted: tuple[Field, ...]) -> bool:
    minute, hour, day, month, weekday = wanted
    in_month = wall.day in day.values
    in_week = not weekday.values.isdisjoint({wall.isoweekday(), wall.isoweekday() % 7})
    in_both = in_month and in_week if day.is_star or weekday.is_star else in_month or in_week
    return (
        wall.minute in minute.values and wall.hour in hour.values and wall.month in month.values and in_both
    )


def walk(wanted: tuple[Field, ...], zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The ticks after `start` up to `end`, minute by minute, as a patient person would find them."""
    follows_the_clock = wanted[0].is_star or wanted[1].is_star
    moment = start - DAY  # whoever comes in the middle of an hour must know whether it is its second time
    seen = reading(moment, zone)
    while moment < end:
        moment += MINUTE
        wall = reading(moment, zone)
        if follows_the_clock:
            due = is_due(wall, wanted)
        else:
            passed = int((wall - seen) / MINUTE)
            due = any(is_due(seen + n * MINUTE, wanted) for n in range(1, passed + 1))
            seen = max(seen, wall)
        if due and moment > start:
            yield moment


def reading(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(TURNS), fields, st.integers(-600, 300), st.integers(0, 59))
@example(
    TURNS[4], (Field("*/15", frozenset({0, 15, 30, 45})), Field("3", frozenset({3})), *[EVERY] * 3), -540, 0
)
@example(TURNS[1], (Field("30", frozenset({30})), Field("2", frozenset({2})), *[EVERY] * 3), 10, 30)
def test_ticks_are_those_of_a_walk_through_every_minute(
    turn: tuple[str, datetime], wanted: tuple[Field, ...], minutes: int, seconds: int
) -> None:
    """None is missed, none comes twice, wherever one begins around a turn of the clock."""
    name, turned = turn
    zone = ZoneInfo(name)
    start = turned + minutes * MINUTE
    end = turned + 12 * HOUR
    cron = Cron(" ".join(one.text for one in wanted), zone)

    found: list[datetime] = []
    moment = start + timedelta(seconds=seconds)
    while len(found) < MOST and (tick := cron.after(moment)) is not None and tick <= end:
        found.append(tick)
        moment = tick

    assert found == list(islice(walk(wanted, zone, start, end), MOST))


@pytest.mark.parametrize(
    ("cron", "after", "tick"),
    [
        ("0 9 * * 1", "2026-03-24T12:00+01:00", "2026-03-30T09:00+02:00"),
        ("30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        ("30 2 * * *", "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),
        ("30 2 * * *", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        ("30 * * * *", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"),
        ("0 0 29 2 *", "2026-01-01T00:00+01:00", "2028-02-29T00:00+01:00"),
        ("0 12 * JAN MON-FRI", "2026-01-02T12:00+01:00", "2026-01-05T12:00+01:00"),
        ("0 8 13 * 5", "2026-11-02T00:00+01:00", "2026-11-06T08:00+01:00"),
    ],
)
def test_what_people_mean_by_it(cron: str, after: str, tick: str) -> None:
    """In Berlin: spring, autumn, leap days, names, and the two ways of naming a day."""
    found = Cron(cron, ZoneInfo("Europe/Berlin")).after(datetime.fromisoformat(after))

    assert found == datetime.fromisoformat(tick)


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "0 * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "0 0 30 2 *", "*/0 * * * *"),
        *("1,,2 * * * *", "5-1 * * * *", "a * * * *", "\x00 * * * *", "@daily", "² * * * *"),
        f"{'1,' * 100}1 * * * *",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """Also what other crons know: seconds and nicknames."""
    with pytest.raises(NotCron):
        Cron(text, ZoneInfo("UTC"))


@given(st.lists(st.text(alphabet="0123456789*/,-#LWa²٣ \x00MON", max_size=12), min_size=5, max_size=5))
def test_no_text_does_worse_than_to_be_refused(parts: list[str]) -> None:
    """Whatever stands there, it is cron or NotCron, and quickly known."""
    try:
        cron = Cron(" ".join(parts), ZoneInfo("America/Santiago"))
    except NotCron:
        return
    tick = cron.after(datetime(2026, 1, 1, tzinfo=UTC))
    assert tick is None or tick.minute <= 59


def test_a_day_that_never_comes_has_no_tick() -> None:
    """The last Monday of the month on its first day."""
    assert Cron("0 0 */20 * 1L", ZoneInfo("UTC")).after(datetime(2026, 1, 1, tzinfo=UTC)) is None
