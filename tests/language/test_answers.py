"""What a person reads."""

from __future__ import annotations

from datetime import UTC, date, datetime

from engine.language import KnownTask, Priority, answers
from engine.language.arguments import Changes, ListTasks
from engine.language.intents import Intent
from engine.language.resolution import Candidate

MILK = KnownTask("a", 1, "Buy milk")
EGGS = KnownTask("b", 4, "Buy eggs")


def test_each_operation_has_its_sentence() -> None:
    assert answers.created("Buy groceries") == "Task created: Buy groceries"
    assert answers.completed([MILK], done=True) == "Marked 'Buy milk' as done"
    assert answers.completed([MILK], done=False) == "Marked 'Buy milk' as not done"
    assert answers.deleted([KnownTask("c", 3, "Old task")]) == "Deleted task 'Old task'"
    assert answers.deleted([MILK, EGGS]) == "Deleted 2 tasks"


def test_a_list_shows_the_numbers_that_the_next_message_can_use() -> None:
    assert answers.listed([MILK, EGGS], ListTasks()) == "You have 2 tasks: 1) Buy milk 4) Buy eggs"
    assert answers.listed([MILK], ListTasks(completed=False)) == "You have 1 open task: 1) Buy milk"
    assert answers.listed([], ListTasks(priority=Priority.HIGH)) == "You have no high priority tasks."


def test_an_update_says_what_is_new() -> None:
    assert (
        answers.updated(MILK, Changes(title="Buy organic milk")) == "Updated 'Buy milk' to 'Buy organic milk'"
    )
    changes = Changes(priority=Priority.HIGH, due=datetime(2026, 3, 5, 17, tzinfo=UTC))
    assert answers.updated(MILK, changes) == "Updated 'Buy milk': priority is now high, due 2026-03-05 17:00"
    assert answers.updated(MILK, Changes(due=date(2026, 3, 5))) == "Updated 'Buy milk': due 2026-03-05"
    assert answers.updated(MILK, Changes(clear_due=True)) == "Updated 'Buy milk': no due date"


def test_what_cannot_be_done_is_asked_back() -> None:
    choices = answers.ambiguous([Candidate(MILK, 0.9), Candidate(EGGS, 0.88)])
    assert choices.startswith("Several tasks could be meant: 1) Buy milk 4) Buy eggs.")
    assert "delete 2 tasks" in answers.confirm(Intent.DELETE, [MILK, EGGS])
    assert set(answers.MISSING_PIECE) == set(Intent) - {Intent.LIST, Intent.UNKNOWN}
