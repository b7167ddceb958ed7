"""The task tools: errands with JSON in and out, committed together with the step that called them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from db.connection import Session
from db.tasks import TaskRow
from engine import errands
from engine.errands import Errand, TaskFilters
from engine.language.references import AllRef, NumberRef, Ref, TitleRef
from engine.states import Priority
from engine.tools.tool import AnyTool, Tool
from ids import Kind, encode

PriorityName = Literal["LOW", "MEDIUM", "HIGH"]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reference(_Arguments):
    """Which task: by its number, by its title, or all of them. Exactly one of the three."""

    number: int | None = None
    title: str | None = None
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Reference:
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of number, title and all")
        return self

    def meant(self) -> Ref:
        """What it refers to."""
        if self.number is not None:
            return NumberRef(self.number)
        return AllRef() if self.title is None else TitleRef(self.title)


class _Fields(_Arguments):
    description: str | None = None
    priority: PriorityName | None = None
    dueAt: AwareDatetime | None = None  # noqa: N815 - the API's name

    def fields(self) -> dict[str, object]:
        """Those that were given, by their names in a row."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if given.get("priority") is not None:
            given["priority"] = Priority[given["priority"]]
        if "dueAt" in given:
            given["due_at"] = given.pop("dueAt")
        return given


class Changes(_Fields):
    """Fields left out stay as they are; null takes a due date or a description away."""

    title: str | None = None


class AddTask(_Fields):
    """A new task."""

    title: str

    def fields(self) -> dict[str, object]:
        return {name: value for name, value in super().fields().items() if value is not None}


class ListTasks(_Arguments):
    """Filters; without one: every task."""

    completed: bool | None = None
    priority: PriorityName | None = None
    dueAfter: AwareDatetime | None = None  # noqa: N815
    dueBefore: AwareDatetime | None = None  # noqa: N815

    def filters(self) -> TaskFilters:
        """As the list takes them."""
        priority = None if self.priority is None else Priority[self.priority]
        return TaskFilters(self.completed, priority, self.dueAfter, self.dueBefore)


class CompleteTask(_Arguments):
    """Marks as done, or with `completed: false` as not done."""

    ref: Reference
    completed: bool = True


class UpdateTask(_Arguments):
    """Changes a task."""

    ref: Reference
    changes: Changes


class DeleteTask(_Arguments):
    """Deletes a task."""

    ref: Reference


async def _add(session: Session, user_id: UUID, given: AddTask) -> dict[str, Any]:
    return as_json(await errands.add(session, user_id, given.fields()))


async def _list(session: Session, user_id: UUID, given: ListTasks) -> dict[str, Any]:
    return as_json(await errands.show(session, user_id, given.filters()))


async def _complete(session: Session, user_id: UUID, given: CompleteTask) -> dict[str, Any]:
    return as_json(await errands.complete(session, user_id, given.ref.meant(), given.completed))


async def _update(session: Session, user_id: UUID, given: UpdateTask) -> dict[str, Any]:
    return as_json(await errands.change(session, user_id, given.ref.meant(), given.changes.fields()))


async def _delete(session: Session, user_id: UUID, given: DeleteTask) -> dict[str, Any]:
    return as_json(await errands.delete(session, user_id, given.ref.meant()))


TASK_TOOLS: tuple[AnyTool, ...] = (
    Tool("add_task", "Adds a task to the user's list.", AddTask, _add),
    Tool("list_tasks", "Lists the user's tasks, filtered.", ListTasks, _list),
    Tool("complete_task", "Marks a task as done or not done.", CompleteTask, _complete),
    Tool("update_task", "Changes a task's title, description, priority or due date.", UpdateTask, _update),
    Tool("delete_task", "Deletes a task.", DeleteTask, _delete),
)


def as_json(errand: Errand) -> dict[str, Any]:
    """An errand as a step's result."""
    told: dict[str, Any] = {"outcome": errand.outcome.value, "tasks": [_task(row) for row in errand.tasks]}
    if errand.before:
        told["before"] = [_task(row) for row in errand.before]
    if errand.candidates:
        told["candidates"] = [
            {"task": _task(row), "similarity": similarity} for row, similarity in errand.candidates
        ]
    return told


def _task(row: TaskRow) -> dict[str, object]:
    return {
        "id": encode(Kind.TASK, row.id),
        "number": row.number,
        "title": row.title,
        "description": row.description,
        "priority": Priority(row.priority).name,
        "dueAt": None if row.due_at is None else row.due_at.isoformat(),
        "completed": row.completed,
    }
