"""The task tools: errands with JSON in and out, committed together with the step that called them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import override

from db.session import Session
from db.tasks import TaskRow
from engine.language import answers
from engine.language.references import AllRef, NumberRef, Ref, TitleRef
from engine.states import Priority
from engine.steps import Outcome
from engine.tasks import errands
from engine.tasks.errands import Errand, TaskFilters
from engine.tasks.errands import Outcome as Came
from engine.tools.tool import Effect, NeedsApproval, TransactionalTool
from errors import InvalidInput, Issue
from ids import Kind, encode

PriorityName = Literal["LOW", "MEDIUM", "HIGH"]
MOST_TASKS = 2_000
"That one call can name."


class Arguments(BaseModel):
    """What a task tool takes, and the errand that it is."""

    model_config = ConfigDict(extra="forbid")

    @abstractmethod
    async def errand(self, session: Session, user_id: UUID, *, is_approved: bool = False) -> Errand:
        """Do it in this transaction. `is_approved`: a person has agreed to just these arguments."""

    async def look(self, session: Session, user_id: UUID) -> Errand:
        """What it would be about, with nothing done."""
        return await self.errand(session, user_id)


class Reference(BaseModel):
    """Which task: by its number or its title; or several by theirs; or all of them. One of the three."""

    model_config = ConfigDict(extra="forbid")

    number: int | None = None
    title: str | None = None
    numbers: list[int] | None = Field(default=None, min_length=1, max_length=MOST_TASKS)
    titles: list[str] | None = Field(default=None, min_length=1, max_length=MOST_TASKS)
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Reference:
        several = self.numbers or self.titles
        if sum(given is not None for given in (self.number, self.title, several, self.all)) != 1:
            raise ValueError("give exactly one of number, title, all, and numbers or titles")
        return self

    def refs(self) -> list[Ref]:
        """What it refers to."""
        if self.all is not None:
            return [AllRef()]
        numbers = self.numbers or [one for one in (self.number,) if one is not None]
        titles = self.titles or [one for one in (self.title,) if one is not None]
        return [*map(NumberRef, numbers), *map(TitleRef, titles)]


class Changes(BaseModel):
    """Fields left out stay as they are; null takes a due date or a description away."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = None
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


class AddTask(Arguments):
    """A new task."""

    title: str
    description: str | None = None
    priority: PriorityName | None = None
    dueAt: AwareDatetime | None = None  # noqa: N815

    @override
    async def errand(self, session: Session, user_id: UUID, *, is_approved: bool = False) -> Errand:
        wanted = Changes(**{name: getattr(self, name) for name in self.model_fields_set}).fields()
        given = {name: value for name, value in wanted.items() if value is not None}
        return await errands.add(session, user_id, given)

    @override
    async def look(self, session: Session, user_id: UUID) -> Errand:
        return Errand(Came.DONE)


class ListTasks(Arguments):
    """Filters; without one: every task."""

    completed: bool | None = None
    priority: PriorityName | None = None
    dueAfter: AwareDatetime | None = None  # noqa: N815
    dueBefore: AwareDatetime | None = None  # noqa: N815

    @override
    async def errand(self, session: Session, user_id: UUID, *, is_approved: bool = False) -> Errand:
        priority = None if self.priority is None else Priority[self.priority]
        filters = TaskFilters(self.completed, priority, self.dueAfter, self.dueBefore)
        return await errands.show(session, user_id, filters)


class OfTasks(Arguments):
    """Arguments of a tool that does something to tasks that are there: to several only with approval."""

    ref: Reference

    @override
    async def errand(self, session: Session, user_id: UUID, *, is_approved: bool = False) -> Errand:
        find = errands.left_of if is_approved else errands.meant
        found = await find(session, user_id, self.ref.refs())
        if found.outcome is not Came.DONE:
            return found
        return await self.carry_out(session, user_id, found.tasks)

    @override
    async def look(self, session: Session, user_id: UUID) -> Errand:
        return await errands.meant(session, user_id, self.ref.refs())

    def need(self, found: Errand) -> NeedsApproval | None:
        """What a person must agree to, where the tasks are several: the same, of just these."""
        if found.outcome is not Came.CONFIRMATION_REQUIRED:
            return None
        rows = sorted(found.tasks, key=lambda row: row.number)
        ref = Reference(numbers=[row.number for row in rows])
        exactly = self.model_copy(update={"ref": ref}).model_dump(mode="json", exclude_unset=True)
        return NeedsApproval(exactly, answers.would(self.verb(), [errands.known(row) for row in rows]))

    @abstractmethod
    def verb(self) -> str:
        """What it does to `{}`."""

    @abstractmethod
    async def carry_out(self, session: Session, user_id: UUID, rows: Sequence[TaskRow]) -> Errand:
        """Do it to these tasks, in this transaction."""


class CompleteTask(OfTasks):
    """Marks as done, or with `completed: false` as not done."""

    completed: bool = True

    @override
    def verb(self) -> str:
        return f"mark {{}} as {'done' if self.completed else 'not done'}"

    @override
    async def carry_out(self, session: Session, user_id: UUID, rows: Sequence[TaskRow]) -> Errand:
        return await errands.change(session, user_id, rows, {"completed": self.completed})


class UpdateTask(OfTasks):
    """Changes a task."""

    changes: Changes

    @override
    def verb(self) -> str:
        return "change {}"

    @override
    async def carry_out(self, session: Session, user_id: UUID, rows: Sequence[TaskRow]) -> Errand:
        return await errands.change(session, user_id, rows, self.changes.fields())


class DeleteTask(OfTasks):
    """Deletes a task."""

    @override
    def verb(self) -> str:
        return "delete {}"

    @override
    async def carry_out(self, session: Session, user_id: UUID, rows: Sequence[TaskRow]) -> Errand:
        return await errands.delete(session, user_id, rows)


ARGUMENTS: dict[str, type[Arguments]] = {
    "add_task": AddTask,
    "list_tasks": ListTasks,
    "complete_task": CompleteTask,
    "update_task": UpdateTask,
    "delete_task": DeleteTask,
}


def read(tool: str, given: Mapping[str, Any]) -> Arguments:
    """The arguments of a task tool from JSON. Raises InvalidInput."""
    try:
        return ARGUMENTS[tool].model_validate(given)
    except ValidationError as error:
        issues = [Issue(tuple(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        raise InvalidInput(issues) from None


def _tool(name: str, description: str, effect: Effect) -> TransactionalTool:
    async def work(session: Session, user_id: UUID, given: Mapping[str, Any], is_approved: bool) -> Outcome:
        arguments = read(name, given)
        came = await arguments.errand(session, user_id, is_approved=is_approved)
        if isinstance(arguments, OfTasks) and (need := arguments.need(came)) is not None:
            raise need
        return Outcome(result=as_json(came))

    async def look(session: Session, user_id: UUID, given: Mapping[str, Any]) -> NeedsApproval | None:
        arguments = read(name, given)
        if not isinstance(arguments, OfTasks):
            return None
        return arguments.need(await arguments.look(session, user_id))

    return TransactionalTool(
        name=name,
        description=description,
        parameters=ARGUMENTS[name].model_json_schema(),
        effect=effect,
        work=work,
        look=look,
    )


TASK_TOOLS = (
    _tool("add_task", "Adds a task to the user's list.", Effect.NON_IDEMPOTENT),
    _tool("list_tasks", "Lists the user's tasks, filtered.", Effect.READ),
    _tool("complete_task", "Marks a task, or several, as done or not done.", Effect.IDEMPOTENT_WRITE),
    _tool(
        "update_task",
        "Changes the title, description, priority or due date of a task, or of several.",
        Effect.IDEMPOTENT_WRITE,
    ),
    _tool("delete_task", "Deletes a task, or several.", Effect.IDEMPOTENT_WRITE),
)


def as_json(errand: Errand) -> dict[str, Any]:
    """An errand as a step's result."""
    told: dict[str, Any] = {"outcome": errand.outcome.value, "tasks": [_task(row) for row in errand.tasks]}
    if errand.about:
        told["about"] = str(errand.about)
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
