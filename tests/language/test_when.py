"""When a task is due: reckoned from now, in the speaker's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.language import understand
from engine.language.arguments import AddTask, Due
from tests.language.saying import NOW

DAYS = [
    ("today", "2026-03-04"),
    ("tonight", "2026-03-04"),
    ("tmrw", "2026-03-05"),
    ("the day after tomorrow", "2026-03-06"),
    ("on Friday", "2026-03-06"),
    ("on wednesday", "2026-03-11"),
    ("next monday", "2026-03-09"),
    ("in 3 days", "2026-03-07"),
    ("in two weeks", "2026-03-18"),
    ("in a month", "2026-04-04"),
    ("a week from friday", "2026-03-13"),
    ("by March 20th", "2026-03-20"),
    ("on the twenty second of january", "2027-01-22"),
    ("on 2026-04-01", "2026-04-01"),
    ("by 3/20", "2026-03-20"),
    ("on 20.3.2026", "2026-03-20"),
    ("on the 3rd", "2026-04-03"),
    ("by the end of the month", "2026-03-31"),
    ("by end of week", "2026-03-08"),
    ("this week", "2026-03-08"),
    ("this weekend", "2026-03-07"),
    ("next week", "2026-03-09"),
]
HOURS = [
    ("tomorrow at 5pm", "2026-03-05T17:00"),
    ("at noon", "2026-03-04T12:00"),
    ("at 3:30 p.m.", "2026-03-04T15:30"),
    ("at 17:45 on friday", "2026-03-06T17:45"),
    ("at five", "2026-03-04T17:00"),
    ("at 9", "2026-03-04T21:00"),
    ("tomorrow at 9", "2026-03-05T09:00"),
    ("tomorrow morning at ten", "2026-03-05T10:00"),
    ("at half past three", "2026-03-04T15:30"),
    ("at quarter to six tomorrow", "2026-03-05T17:45"),
    ("at 4 tomorrow afternoon", "2026-03-05T16:00"),
    ("in two hours", "2026-03-04T12:00"),
    ("in an hour and 15 minutes", "2026-03-04T11:15"),
    ("in half an hour", "2026-03-04T10:30"),
    ("in 10 minutes", "2026-03-04T10:10"),
]
NO_TIME = ["at 5 locations", "on february 30", "in the second act", "by the may flowers", "at 25:70"]


def due(phrase: str, now: datetime = NOW, zone: str = "UTC") -> Due | None:
    arguments = understand(f"remind me to sing {phrase}", now, zone).arguments
    assert isinstance(arguments, AddTask)
    return arguments.due


@pytest.mark.parametrize(("phrase", "day"), DAYS)
def test_a_day_is_a_day(phrase: str, day: str) -> None:
    assert due(phrase) == date.fromisoformat(day)


@pytest.mark.parametrize(("phrase", "moment"), HOURS)
def test_an_hour_is_a_moment(phrase: str, moment: str) -> None:
    assert due(phrase) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize("phrase", NO_TIME)
def test_what_only_looks_like_a_time_stays_in_the_title(phrase: str) -> None:
    assert due(phrase) is None


def test_tomorrow_is_the_speakers_tomorrow() -> None:
    """At 23:30 UTC it is the next day already in Tokyo, and still the same in New York."""
    late = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    assert due("tomorrow", late, "Asia/Tokyo") == date(2026, 3, 6)
    assert due("tomorrow", late, "America/New_York") == date(2026, 3, 5)


def test_an_hour_is_the_speakers_hour_on_either_side_of_a_clock_change() -> None:
    """Berlin moves its clocks on 29 March 2026."""
    for day, offset in (("march 28", 1), ("march 30", 2)):
        moment = due(f"at 9am on {day}", NOW, "Europe/Berlin")
        assert isinstance(moment, datetime)
        assert moment.astimezone(UTC).hour == 9 - offset


def test_two_hours_are_two_hours_also_when_the_clocks_change() -> None:
    """In Berlin 01:30 is two hours before 04:30 that night."""
    moment = due("in 2 hours", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "Europe/Berlin")
    assert isinstance(moment, datetime)
    assert moment.astimezone(UTC) == datetime(2026, 3, 29, 2, 30, tzinfo=UTC)


def test_the_last_day_of_a_long_month_has_an_end_in_a_short_one() -> None:
    assert due("in a month", datetime(2026, 1, 31, 10, tzinfo=UTC)) == date(2026, 2, 28)
