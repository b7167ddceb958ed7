"""Reads off a question which tasks it asks for."""

from __future__ import annotations

import re
from datetime import date, timedelta

from engine.language.arguments import ListTasks
from engine.language.extras import Extras, priority_of
from engine.language.patterns import class_source
from engine.language.reading import Reading

OPEN = re.compile(rf"(?<!\S)(?:{class_source('open_state')})")
DONE = re.compile(rf"(?<!\S)(?:{class_source('done_state')})")
TO_DO = re.compile(r"(?<!\S)(?:to be|to get|get|be|need|needs|to|must|have to|has to) (?:done|finished|completed|finish|complete|accomplish|accomplished|get done) ")
WHOLE = re.compile(r"(?<!\S)(?:my|the|your|our) complete ")
"The complete list isn't the list of what is complete."

LATE = re.compile(r"(?<!\S)(?:overdue|past due|late|past their due date|missed) ")


def filters(reading: Reading, today: date) -> ListTasks:
    """The filters of `list_tasks` that the sentence names."""
    when = Extras().and_of(reading).when
    line = reading.spelled("LIST")
    if LATE.search(line):
        return ListTasks(False, priority_of(reading), None, today - timedelta(days=1))
    first, last = when.window() if when and not when.recurring else (None, None)
    return ListTasks(_completed(line), priority_of(reading), first, last)


def _completed(line: str) -> bool | None:
    if OPEN.search(line):
        return False
    done = DONE.search(WHOLE.sub("", line)) and not TO_DO.search(line)
    return True if done else None
