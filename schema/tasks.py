"""Tasks: what can be asked of them and done with them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

import ids
from engine.states import Priority
from engine.tasks import changes as engine
from ids import Kind
from resolvers import tasks
from resolvers.idempotency import Effect, recall_deletion
from schema import problems
from schema.arguments import or_none, window
from schema.connection import Connection, connection, ordered_by
from schema.context import Info
from schema.mutations import call_of, given, input_id, mutate
from schema.types import Task


@strawberry.enum
class OrderDirection(Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.enum
class TaskOrderField(Enum):
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    DUE_AT = "DUE_AT"
    PRIORITY = "PRIORITY"
    TITLE = "TITLE"


@strawberry.input(one_of=True, description="One of the two.")
class TaskRef:
    id: strawberry.Maybe[strawberry.ID]
    number: strawberry.Maybe[int] = strawberry.field(description="The user's own count: what `task 5` means.")


@strawberry.input(description="All that is given must hold.")
class TaskFilter:
    completed: bool | None = strawberry.UNSET
    priority: Priority | None = strawberry.UNSET
    due_before: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Not at this instant itself."
    )
    due_after: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Not at this instant itself."
    )
    search: str | None = strawberry.field(
        default=strawberry.UNSET, description="Full-text and fuzzy over title and description."
    )


@strawberry.input
class TaskOrder:
    field: TaskOrderField
    direction: OrderDirection


@strawberry.input
class CreateTaskInput:
    title: str = strawberry.field(description="1 to 500 characters.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 10,000 characters."
    )
    priority: Priority | None = Priority.MEDIUM
    due_at: datetime | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Fields left out stay as they are; null clears a nullable field.")
class UpdateTaskInput:
    id: strawberry.ID
    title: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    priority: Priority | None = strawberry.UNSET
    due_at: datetime | None = strawberry.UNSET
    completed: bool | None = strawberry.field(default=strawberry.UNSET, description="Whether it is done.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET, description="VersionConflict where the task is at another version."
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input
class DeleteTaskInput:
    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class CreateTaskSuccess:
    task: Task
    replayed: bool = strawberry.field(
        description="True when this answers a repeated request and nothing was done again."
    )


@strawberry.type
class UpdateTaskSuccess:
    task: Task
    replayed: bool


@strawberry.type(description="Deleting is idempotent: deleting what is gone succeeds with `deleted: false`.")
class DeleteTaskSuccess:
    id: strawberry.ID
    deleted: bool


CreateTaskResult = Annotated[
    CreateTaskSuccess | problems.InvalidInput | problems.IdempotencyConflict | problems.IdempotencyInFlight,
    strawberry.union("CreateTaskResult"),
]
UpdateTaskResult = Annotated[
    UpdateTaskSuccess
    | problems.NotFound
    | problems.VersionConflict
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("UpdateTaskResult"),
]
DeleteTaskResult = Annotated[DeleteTaskSuccess | problems.InvalidInput, strawberry.union("DeleteTaskResult")]


@strawberry.type
class TaskQueries:
    @strawberry.field(description="By id or by number.")
    async def task(self, info: Info, by: TaskRef) -> Task | None:
        db, user_id = info.context.services.db, info.context.user_id
        if by.id is not None:
            row = await tasks.task_by_id(db, user_id, ids.decode(Kind.TASK, by.id.value))
        else:
            row = await tasks.task_by_number(db, user_id, by.number.value if by.number else 0)
        return None if row is None else Task.of(row)

    @strawberry.field(
        description="`first` or `last` up to 100; 50 when neither is given. "
        "Keyset pagination, newest first by default."
    )
    async def tasks(
        self,
        info: Info,
        filter: TaskFilter | None = strawberry.UNSET,
        order_by: TaskOrder | None = strawberry.UNSET,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> Connection[Task]:
        db, user_id = info.context.services.db, info.context.user_id
        order = order_by or TaskOrder(field=TaskOrderField.CREATED_AT, direction=OrderDirection.DESC)
        filters, by = _filters(filter), order.field.value
        page = await tasks.task_page(
            db,
            user_id,
            filters,
            by,
            order.direction is OrderDirection.DESC,
            window(first, after, last, before),
        )
        return connection(
            page,
            node=Task.of,
            cursor=ordered_by(by),
            count=lambda: tasks.task_count(db, user_id, filters),
        )


@strawberry.type
class TaskMutations:
    @strawberry.mutation(description="Add a task.")
    async def create_task(self, info: Info, input: CreateTaskInput) -> CreateTaskResult:
        user_id = info.context.user_id
        fields = given(input, "title", "description", "priority", "due_at")
        if fields.get("priority", Priority.MEDIUM) is None:
            del fields["priority"]
        return await mutate(
            info,
            call_of(info, "createTask", input),
            Effect(
                carry_out=lambda session: engine.create_task(session, user_id, fields),
                refer=tasks.refer_to,
                recall=lambda session, reference: tasks.recall_task(session, user_id, reference),
            ),
            lambda row, replayed: CreateTaskSuccess(task=Task.of(row), replayed=replayed),
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="Change a task, or complete it.")
    async def update_task(self, info: Info, input: UpdateTaskInput) -> UpdateTaskResult:
        user_id = info.context.user_id
        fields = given(input, "title", "description", "priority", "due_at", "completed")
        version = or_none(input.expected_version)
        return await mutate(
            info,
            call_of(info, "updateTask", input),
            Effect(
                carry_out=lambda session: engine.update_task(
                    session, user_id, input_id(Kind.TASK, input.id), fields, version
                ),
                refer=tasks.refer_to,
                recall=lambda session, reference: tasks.recall_task(session, user_id, reference),
            ),
            lambda row, replayed: UpdateTaskSuccess(task=Task.of(row), replayed=replayed),
            problems.NotFound,
            problems.VersionConflict,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="Delete a task.")
    async def delete_task(self, info: Info, input: DeleteTaskInput) -> DeleteTaskResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            call_of(info, "deleteTask", input),
            Effect(
                carry_out=lambda session: engine.delete_task(session, user_id, input_id(Kind.TASK, input.id)),
                refer=lambda deleted: {"deleted": deleted},
                recall=recall_deletion,
            ),
            lambda deleted, _: DeleteTaskSuccess(id=input.id, deleted=deleted),
            problems.InvalidInput,
        )


def _filters(asked: TaskFilter | None) -> dict[str, object]:
    if not asked:
        return {}
    named = given(asked, "completed", "priority", "due_before", "due_after", "search")
    return {name: value for name, value in named.items() if value is not None and value != ""}
