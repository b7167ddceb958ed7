"""Asking for tasks."""

from __future__ import annotations

import pytest

from tests.language.saying import meant

ALL = [
    "Show me my tasks",
    "list all tasks",
    "what's on my to-do list?",
    "read my reminders back to me",
    "could you tell me what I have on my list of chores",
    "do I have a dentist appointment on my list",
    "does my list have milk on it",
    "what did I want to remember?",
    "what things was I trying not to forget",
    "what do i have to do",
    "remind me of the things on my list",
    "how many items are on my todo list",
    "my tasks",
]

FILTERED = [
    ("What tasks do I have left?", {"completed": False}),
    ("what have I finished so far?", {"completed": True}),
    ("show completed tasks", {"completed": True}),
    ("how many tasks are still open", {"completed": False}),
    ("Show me high priority tasks", {"priority": "HIGH"}),
    ("any urgent tasks?", {"priority": "HIGH"}),
    ("list my low priority tasks that are not done", {"completed": False, "priority": "LOW"}),
    ("what do I need to do today?", {"due_from": "2026-03-04", "due_to": "2026-03-04"}),
    ("tasks due by Friday", {"due_to": "2026-03-06"}),
    ("list tasks due before March 10", {"due_to": "2026-03-09"}),
    ("what is due this week?", {"due_from": "2026-03-04", "due_to": "2026-03-08"}),
    ("show me overdue tasks", {"completed": False, "due_to": "2026-03-03"}),
]


@pytest.mark.parametrize("text", ALL)
def test_there_are_many_ways_to_ask_for_the_list(text: str) -> None:
    assert meant(text) == ("LIST", {})


@pytest.mark.parametrize(("text", "args"), FILTERED)
def test_a_question_names_what_it_asks_for(text: str, args: object) -> None:
    assert meant(text) == ("LIST", args)


def test_my_complete_list_is_not_the_list_of_what_is_complete() -> None:
    assert meant("read my complete to do list") == ("LIST", {})
