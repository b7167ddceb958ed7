"""The five task operations as a person asks for them: by number, by title, or all of them.

An errand is done in the caller's transaction or not at all; what stood in its way is its outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from db.paging import Page
from db.session import Session
from db.tasks import TASKS, TaskRow, get_tasks, get_tasks_by_numbers, recent_tasks
from engine.language.references import NumberRef, Ref
from engine.language.resolution import Ambiguous, KnownTask, Match, resolve
from engine.states import Priority
from engine.tasks import changes
from errors import NotFound

MOST_LISTED = 100
_MOST_KNOWN = 2_000


class Outcome(StrEnum):
    """How an errand went."""

    DONE = "DONE"
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    AMBIGUOUS_TASK = "AMBIGUOUS_TASK"
    CONFIRMATION_REQUIRED = "CONFIRMATION_REQUIRED"


@dataclass(frozen=True, slots=True)
class Errand:
    """What came of it, and the tasks created, listed, changed or (as they were) deleted."""

    outcome: Outcome
    tasks: list[TaskRow] = field(default_factory=list[TaskRow])
    before: list[TaskRow] = field(default_factory=list[TaskRow])
    "The same tasks as they were before a change."
    candidates: list[tuple[TaskRow, float]] = field(default_factory=list[tuple[TaskRow, float]])
    "With AMBIGUOUS_TASK: each with the similarity of its title."
    about: Ref | None = None
    "Which of several references stood in its way."


@dataclass(frozen=True, slots=True)
class TaskFilters:
    """Which tasks are to be listed."""

    completed: bool | None = None
    priority: Priority | None = None
    due_after: datetime | None = None
    due_before: datetime | None = None

    def as_parameters(self) -> dict[str, object]:
        """Those that narrow the list."""
        named = {
            "completed": self.completed,
            "priority": self.priority,
            "due_after": self.due_after,
            "due_before": self.due_before,
        }
        return {name: value for name, value in named.items() if value is not None}


Agreed: TypeAlias = frozenset[UUID]
"The tasks that a person agreed to have changed or deleted together."
NOTHING_AGREED: Agreed = frozenset()


async def add(session: Session, user_id: UUID, fields: Mapping[str, object]) -> Errand:
    """A new task of these fields, as `changes.create_task` takes them. Raises InvalidInput."""
    return Errand(Outcome.DONE, [await changes.create_task(session, user_id, fields)])


async def show(session: Session, user_id: UUID, filters: TaskFilters) -> Errand:
    """The first 100 tasks that the filters let through, oldest first."""
    page = Page(size=MOST_LISTED, order="CREATED_AT")
    found = await TASKS.page(session, page, {**filters.as_parameters(), "user_id": user_id})
    return Errand(Outcome.DONE, found.rows)


async def change(
    session: Session, user_id: UUID, rows: Sequence[TaskRow], fields: Mapping[str, object]
) -> Errand:
    """Change these fields of the tasks, as far as they are still there. Raises InvalidInput."""
    changed = [(row, await _changed(session, user_id, row, fields)) for row in rows]
    after = [row for _, row in changed if row is not None]
    before = [row for row, is_there in changed if is_there is not None]
    return Errand(Outcome.DONE if after else Outcome.TASK_NOT_FOUND, after, before=before)


async def _changed(
    session: Session, user_id: UUID, row: TaskRow, fields: Mapping[str, object]
) -> TaskRow | None:
    try:
        return await changes.update_task(session, user_id, row.id, fields)
    except NotFound:
        return None


async def delete(session: Session, user_id: UUID, rows: Sequence[TaskRow]) -> Errand:
    """Delete the tasks, as far as they are still there."""
    gone = [row for row in rows if await changes.delete_task(session, user_id, row.id)]
    return Errand(Outcome.DONE if gone else Outcome.TASK_NOT_FOUND, gone)


async def standing(session: Session, user_id: UUID, rows: Sequence[TaskRow]) -> list[TaskRow]:
    """These tasks as they stand now, without those that are gone."""
    now = {row.id: row for row in await get_tasks(session, user_id, [row.id for row in rows])}
    return [now[row.id] for row in rows if row.id in now]


async def meant(session: Session, user_id: UUID, refs: Sequence[Ref]) -> Errand:
    """The tasks that these references mean, with nothing done yet: each of them means some, or none counts.

    More than one task is CONFIRMATION_REQUIRED.
    """
    numbered, titled = await _eligible(session, user_id, refs)
    found: dict[UUID, TaskRow] = {}
    for ref in refs:
        one = _meant(ref, numbered if isinstance(ref, NumberRef) else titled)
        if one.outcome is not Outcome.DONE:
            return replace(one, about=ref if len(refs) > 1 else None)
        found |= {row.id: row for row in one.tasks}
    return Errand(Outcome.DONE if len(found) == 1 else Outcome.CONFIRMATION_REQUIRED, list(found.values()))


def _meant(ref: Ref, eligible: Mapping[str, TaskRow]) -> Errand:
    match resolve(ref, [known(row) for row in eligible.values()]):
        case Ambiguous(candidates):
            likely = [(eligible[one.task.id], one.similarity) for one in candidates]
            return Errand(Outcome.AMBIGUOUS_TASK, candidates=likely)
        case Match(tasks=found) if found:
            return Errand(Outcome.DONE, [eligible[task.id] for task in found])
        case _:
            return Errand(Outcome.TASK_NOT_FOUND)


async def _eligible(
    session: Session, user_id: UUID, refs: Sequence[Ref]
) -> tuple[dict[str, TaskRow], dict[str, TaskRow]]:
    """The tasks among which references are to be found: those with their numbers, and the newest of all."""
    numbers = [ref.number for ref in refs if isinstance(ref, NumberRef)]
    numbered = await get_tasks_by_numbers(session, user_id, numbers) if numbers else []
    is_all_numbers = len(numbers) == len(refs)
    titled = [] if is_all_numbers else (await recent_tasks(session, user_id, _MOST_KNOWN))[::-1]
    return {str(row.id): row for row in numbered}, {str(row.id): row for row in titled}


async def left_of(session: Session, user_id: UUID, refs: Sequence[Ref]) -> Errand:
    """The tasks that a person has seen and agreed to, by their numbers: without those that are gone."""
    numbers = [ref.number for ref in refs if isinstance(ref, NumberRef)]
    if len(numbers) < len(refs):
        found = await meant(session, user_id, refs)
        is_there = found.outcome is Outcome.CONFIRMATION_REQUIRED
        return replace(found, outcome=Outcome.DONE) if is_there else found
    rows = sorted(await get_tasks_by_numbers(session, user_id, numbers), key=lambda row: row.number)
    return Errand(Outcome.DONE if rows else Outcome.TASK_NOT_FOUND, rows)


def known(row: TaskRow) -> KnownTask:
    """A task as far as it must be known to be found and named."""
    return KnownTask(str(row.id), row.number, row.title, row.completed)
