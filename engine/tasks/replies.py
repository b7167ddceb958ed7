"""What a person reads of an errand, from what was understood and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.language import answers
from engine.language.arguments import AddTask, Changes, CompleteTask, DeleteTask, ListTasks, UpdateTask
from engine.language.resolution import Candidate, KnownTask
from engine.language.understanding import Understanding
from engine.tasks.errands import Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """As much of an errand as an answer speaks of."""

    outcome: Outcome
    tasks: Sequence[KnownTask] = ()
    before: Sequence[KnownTask] = ()
    candidates: Sequence[Candidate] = field(default=())


def reply(understanding: Understanding, told: Told) -> str:
    """One sentence that is true of the database."""
    match told.outcome:
        case Outcome.DONE:
            return _done(understanding, told)
        case Outcome.TASK_NOT_FOUND:
            return answers.NOT_FOUND
        case Outcome.AMBIGUOUS_TASK:
            return answers.ambiguous(told.candidates)
        case Outcome.CONFIRMATION_REQUIRED:
            return answers.confirm(understanding.intent, told.tasks)


def intention(understanding: Understanding, told: Told) -> str:
    """What would be done, while nothing is."""
    if told.outcome is not Outcome.DONE:
        return reply(understanding, told)
    match understanding.arguments:
        case AddTask(title=title):
            return f"I would create the task '{title}'."
        case ListTasks():
            return reply(understanding, told)
        case CompleteTask(completed=completed):
            return f"I would mark {answers.named(told.tasks)} as {'done' if completed else 'not done'}."
        case UpdateTask(changes=changes):
            return f"I would change this: {_updated(told.tasks, changes)}"
        case DeleteTask():
            noun = "the task " if len(told.tasks) == 1 else ""
            return f"I would delete {noun}{answers.named(told.tasks)}."
        case None:
            return reply_without_tool(understanding)


def reply_without_tool(understanding: Understanding) -> str:
    """Where there is nothing to call: what is missing, or that this is not ours."""
    return answers.MISSING_PIECE.get(understanding.intent, answers.UNKNOWN)


def _done(understanding: Understanding, told: Told) -> str:
    match understanding.arguments:
        case AddTask():
            return answers.created(told.tasks[0].title)
        case ListTasks() as asked:
            return answers.listed(told.tasks, asked)
        case CompleteTask(completed=completed):
            return answers.completed(told.tasks, completed)
        case UpdateTask(changes=changes):
            return _updated(told.before, changes)
        case DeleteTask():
            return answers.deleted(told.tasks)
        case None:
            return reply_without_tool(understanding)


def _updated(tasks: Sequence[KnownTask], changes: Changes) -> str:
    return "\n".join(answers.updated(task, changes) for task in tasks)
