"""Changing a task."""

from __future__ import annotations

import pytest

from tests.language.saying import meant, said

CHANGES = [
    ("Rename task 5 to 'Call dentist tomorrow'", 5, {"title": "Call dentist tomorrow"}),
    ("change task 5's title to Plan the party", 5, {"title": "Plan the party"}),
    ("Update task 3 description to include store location", 3, {"description": "store location"}),
    ("add a note to task 5: bring the receipts", 5, {"description": "bring the receipts"}),
    ("make task 5 urgent", 5, {"priority": "HIGH"}),
    ("set the priority of task 2 to low", 2, {"priority": "LOW"}),
    ("lower the priority of task 8", 8, {"priority": "LOW"}),
    ("Move task 3 to next Monday", 3, {"due": "2026-03-09"}),
    ("push task 3 back to March 30", 3, {"due": "2026-03-30"}),
    ("the deadline of task 3 is tomorrow at noon", 3, {"due": "2026-03-05T12:00:00+00:00"}),
    ("Set task 10 to low priority and due on Friday", 10, {"priority": "LOW", "due": "2026-03-06"}),
    ("set task 2 title to 'Foo' and priority to high", 2, {"title": "Foo", "priority": "HIGH"}),
    ("Remove the due date from task 7", 7, {"due": None}),
]


@pytest.mark.parametrize(("text", "number", "changes"), CHANGES)
def test_a_change_names_the_task_and_the_field(text: str, number: int, changes: object) -> None:
    assert meant(text) == ("UPDATE", {"ref": {"number": number}, "changes": changes})


def test_a_task_changes_into_what_it_is_changed_to() -> None:
    args = {"ref": {"title": "Buy milk"}, "changes": {"title": "Buy organic milk"}}
    assert meant("Change 'Buy milk' to 'Buy organic milk'") == ("UPDATE", args)


@pytest.mark.parametrize("text", ["postpone task 4", "delay task 4 by two days", "edit task 4"])
def test_without_a_change_there_is_nothing_to_call_yet(text: str) -> None:
    understanding = said(text)
    assert (understanding.intent, understanding.tool) == ("UPDATE", None)
