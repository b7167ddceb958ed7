"""What a person reads when an operation was done, or wasn't."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.language.arguments import Changes, Due, ListTasks
from engine.language.intents import Intent
from engine.language.resolution import Candidate, KnownTask

NOTHING_DONE = "Nothing was done."
MOST_NAMED = 50
UNKNOWN = "I can only help with task management. Try 'create a task' or 'show my tasks'."
NOT_FOUND = "I couldn't find that task. Try listing your tasks first."

MISSING_PIECE = {
    Intent.CREATE: "What should the task be? Try 'create a task to buy groceries'.",
    Intent.COMPLETE: "Which task do you mean? Try 'mark task 3 as done'.",
    Intent.UPDATE: "Which task, and what should change? Try 'rename task 3 to Buy organic milk'.",
    Intent.DELETE: "Which task do you mean? Try 'delete task 3'.",
}
"What to ask back when an intent is clear and there is nothing to call yet."

CONFIRMED = {Intent.DELETE: "delete", Intent.COMPLETE: "mark", Intent.UPDATE: "change"}


def created(title: str) -> str:
    return f"Task created: {title}"


def listed(tasks: Sequence[KnownTask], asked: ListTasks) -> str:
    """Tasks under their numbers, so that the next message can name them."""
    kind = _kind(asked)
    if not tasks:
        return f"You have no {kind}tasks."
    noun = "task" if len(tasks) == 1 else "tasks"
    return f"You have {len(tasks)} {kind}{noun}: " + " ".join(_line(task) for task in tasks)


def _kind(asked: ListTasks) -> str:
    state = {True: "completed ", False: "open ", None: ""}[asked.completed]
    return state + (f"{asked.priority.lower()} priority " if asked.priority else "")


def _line(task: KnownTask) -> str:
    return f"{task.number}) {task.title}"


def completed(tasks: Sequence[KnownTask], done: bool) -> str:
    state = "done" if done else "not done"
    return f"Marked {named(tasks)} as {state}"


def deleted(tasks: Sequence[KnownTask]) -> str:
    if len(tasks) == 1:
        return f"Deleted task '{tasks[0].title}'"
    return f"Deleted {named(tasks)}"


def updated(task: KnownTask, changes: Changes) -> str:
    """`task` as it was before the change."""
    if changes.title is not None:
        return f"Updated '{task.title}' to '{changes.title}'"
    return f"Updated '{task.title}': " + ", ".join(_said(changes))


def _said(changes: Changes) -> list[str]:
    said: list[str] = []
    if changes.description is not None:
        said.append(f"description is now '{changes.description}'")
    if changes.priority is not None:
        said.append(f"priority is now {changes.priority.lower()}")
    if changes.due is not None:
        said.append(f"due {_day_and_hour(changes.due)}")
    if changes.clear_due:
        said.append("no due date")
    return said


def _day_and_hour(due: Due) -> str:
    return f"{due:%Y-%m-%d %H:%M}" if isinstance(due, datetime) else f"{due:%Y-%m-%d}"


def named(tasks: Sequence[KnownTask]) -> str:
    """One task by its title, more by their count."""
    if len(tasks) == 1:
        return f"'{tasks[0].title}'"
    return f"{len(tasks)} tasks"


def ambiguous(candidates: Sequence[Candidate]) -> str:
    choices = " ".join(_line(candidate.task) for candidate in candidates)
    return f"Several tasks could be meant: {choices}. Which one? Say its number."


def confirm(intent: Intent, tasks: Sequence[KnownTask]) -> str:
    """Before more than one task is changed or deleted."""
    what = CONFIRMED.get(intent, "change")
    return f"This would {what} {named(tasks)}. Send the same message with the confirm token to go ahead."


def would(verb: str, tasks: Sequence[KnownTask]) -> str:
    """What is to be agreed to. `verb` says what happens to `{}`; of many tasks the first are named."""
    shown = ", ".join(_line(task) for task in tasks[:MOST_NAMED])
    more = f", and {len(tasks) - MOST_NAMED} more" if len(tasks) > MOST_NAMED else ""
    return f"This would {verb.format(named(tasks))}: {shown}{more}."


def about(said: str, answer: str) -> str:
    """An answer to a part of a message, which has to say what part."""
    return f"{said[0].upper()}{said[1:]}: {answer}"


def not_done(count: int) -> str:
    """Behind the answer to what stopped a message of several operations."""
    return f"I stopped there: {count} more {'thing was' if count == 1 else 'things were'} asked for."
