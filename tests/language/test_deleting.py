"""Deleting: one task, or all of them, and never more than was said."""

from __future__ import annotations

import pytest

from tests.language.saying import meant, said

ONE = [
    ("Delete 'Old task'", {"title": "Old task"}),
    ("Remove task 2", {"number": 2}),
    ("get rid of task two please", {"number": 2}),
    ("take bathroom painting off my list", {"title": "bathroom painting"}),
    ("we're out of paint so take bathroom painting off the list", {"title": "bathroom painting"}),
    ("I no longer need to wash dishes; take it off my list", {"title": "wash dishes"}),
    ("I no longer need task 15, remove it", {"number": 15}),
    ("delete the task to renew car insurance", {"title": "renew car insurance"}),
    ("I changed my mind about task 3, remove it", {"number": 3}),
    ("remove buy milk", {"title": "buy milk"}),
]

ALL = [
    "Delete all my tasks",
    "clear my to do list",
    "erase everything on the task list",
    "please wipe my whole todo list",
    "I don't want to do anything today so just clear the list",
]

NOT_ALL = [
    "delete the famous actors list",
    "reset my locations list",
    "delete all completed tasks",
    "delete everything except task 3",
    "delete my to do's for this week",
    "pull up my list",
    "remove the last item",
    "delete that item",
]


@pytest.mark.parametrize(("text", "ref"), ONE)
def test_there_are_many_ways_to_delete_a_task(text: str, ref: object) -> None:
    assert meant(text) == ("DELETE", {"ref": ref})


@pytest.mark.parametrize("text", ALL)
def test_all_tasks_are_meant_where_that_is_said(text: str) -> None:
    assert meant(text) == ("DELETE", {"ref": {"all": True}})


@pytest.mark.parametrize("text", NOT_ALL)
def test_less_than_all_never_becomes_all(text: str) -> None:
    assert said(text).labels()["args"] != {"ref": {"all": True}}
