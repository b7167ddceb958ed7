"""The two forms of arguments in JSON, and what a message must be."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from engine.language import EmptyMessage, MessageTooLong
from engine.language.arguments import Changes, ListTasks, due_at
from tests.language.saying import said

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_api_gets_full_moments_in_the_speakers_zone() -> None:
    understanding = said("add a task to call mom by friday", "Europe/Berlin")
    assert understanding.tool == "add_task"
    assert understanding.tool_arguments() == {"title": "Call mom", "dueAt": "2026-03-06T23:59:00+01:00"}


def test_the_days_of_a_filter_reach_from_midnight_to_midnight() -> None:
    asked = ListTasks(due_from=date(2026, 3, 4), due_to=date(2026, 3, 5))
    assert asked.as_api(BERLIN) == {
        "dueAfter": "2026-03-04T00:00:00+01:00",
        "dueBefore": "2026-03-06T00:00:00+01:00",
    }


def test_a_cleared_due_date_is_an_explicit_null() -> None:
    assert Changes(clear_due=True).as_labels() == {"due": None}
    assert Changes(clear_due=True).as_api(BERLIN) == {"dueAt": None}
    assert Changes(description="").as_labels() == {"description": ""}


def test_a_day_without_an_hour_ends_in_its_last_minute() -> None:
    assert due_at(date(2026, 3, 6), BERLIN).isoformat() == "2026-03-06T23:59:00+01:00"


def test_nothing_to_call_has_no_arguments() -> None:
    assert said("hello").tool_arguments() is None


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_message_is_refused(text: str) -> None:
    with pytest.raises(EmptyMessage, match=r"^Message cannot be empty$"):
        said(text)


def test_a_message_of_more_than_1000_characters_is_refused() -> None:
    assert said("x" * 1_000).tool is None
    with pytest.raises(MessageTooLong, match=r"^Message must be under 1000 characters$"):
        said("x" * 1_001)
