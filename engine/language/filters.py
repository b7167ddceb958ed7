"""Reads off a question which tasks it asks for."""

from __future__ import annotations

from datetime import date, timedelta

from engine.language.arguments import ListTasks
from engine.language.extras import Extras, priority_of
from engine.language.patterns import anywhere
from engine.language.reading import Reading

OPEN = anywhere("{open_state}")
DONE = anywhere("{done_state}")
STILL_TO_DO = anywhere("{still_to_do}")
COMPLETE_LIST = anywhere("{complete_list}")
LATE = anywhere("{late}")


def filters(reading: Reading, today: date) -> ListTasks:
    """The filters of `list_tasks` that the sentence names."""
    line = reading.spelled("LIST")
    priority = priority_of(reading)
    if LATE.search(line):
        return ListTasks(False, priority, None, today - timedelta(days=1))
    when = Extras().and_of(reading).when
    first, last = when.window() if when and not when.recurring else (None, None)
    return ListTasks(_completed(line), priority, first, last)


def _completed(line: str) -> bool | None:
    if OPEN.search(line):
        return False
    done = DONE.search(COMPLETE_LIST.sub("", line)) and not STILL_TO_DO.search(line)
    return True if done else None
