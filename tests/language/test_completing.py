"""Saying that a task is done, and taking that back."""

from __future__ import annotations

import pytest

from tests.language.saying import meant

DONE = [
    ("Mark 'Buy milk' as done", {"title": "Buy milk"}),
    ("mark call the plumber as completed", {"title": "call the plumber"}),
    ("Complete task 5", {"number": 5}),
    ("task 5 is done", {"number": 5}),
    ("I've finished task number five", {"number": 5}),
    ("check #5 off", {"number": 5}),
    ("cross volunteering off my todo list", {"title": "volunteering"}),
    ("I just finished cleaning the garage, mark it done", {"title": "cleaning the garage"}),
    ("just did the dishes, you can check that off", {"title": "the dishes"}),
    ("mark everything as done", {"all": True}),
]

UNDONE = [
    ("Undo completion of task 3", {"number": 3}),
    ("reopen 'Buy milk'", {"title": "Buy milk"}),
    ("mark task 3 as not done", {"number": 3}),
    ("task 3 isn't finished yet", {"number": 3}),
    ("I didn't actually finish task 3", {"number": 3}),
    ("uncheck task three", {"number": 3}),
]


@pytest.mark.parametrize(("text", "ref"), DONE)
def test_there_are_many_ways_to_be_done(text: str, ref: object) -> None:
    assert meant(text) == ("COMPLETE", {"ref": ref, "completed": True})


@pytest.mark.parametrize(("text", "ref"), UNDONE)
def test_there_are_many_ways_to_take_it_back(text: str, ref: object) -> None:
    assert meant(text) == ("COMPLETE", {"ref": ref, "completed": False})
