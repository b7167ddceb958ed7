"""Tasks as rows. A deleted one is a tombstone: only `get_task_or_tombstone` still sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func

from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
from db.tables import Task
from errors import Unauthenticated


class TaskRow(Row):
    """A task as it stands."""

    id: UUID
    number: int
    title: str
    description: str | None
    priority: int
    due_at: datetime | None
    completed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def completed(self) -> bool:
        """Whether it is done."""
        return self.completed_at is not None


class NewTaskRow(TaskRow):
    """A task that was just made, and the seq by which the user's activity tells of it."""

    activity_seq: int


_COLUMNS = ", ".join(TaskRow.columns())
_LARGEST_NUMBER = 2**31 - 1

TASKS = Listing(
    TaskRow,
    Task,
    where=(Task.user_id == bindparam("user_id", required=True)) & Task.deleted_at.is_(None),
    orders={
        "CREATED_AT": Task.created_at,
        "UPDATED_AT": Task.updated_at,
        "DUE_AT": Task.due_at,
        "PRIORITY": Task.priority,
        "TITLE": Task.title,
    },
    filters={
        "completed": Task.completed_at.is_not(None) == bindparam("completed", required=True),
        "priority": Task.priority == bindparam("priority", required=True),
        "due_before": Task.due_at < bindparam("due_before", required=True),
        "due_after": Task.due_at > bindparam("due_after", required=True),
        "search": func.task_matches(bindparam("search", required=True), Task.title, Task.description),
    },
)

# Locks the user's row: numbers and seqs are given out one transaction after another, without holes. Its event
# tells the columns of a row by their names, which are those of `events.kinds.TaskFacts`.
_INSERT = Query(
    f"""
    with owner as (
      update users set last_task_number = last_task_number + 1, last_seq = last_seq + 1 where id = :user_id
      returning id, last_task_number, last_seq
    ), task as (
      insert into tasks (id, user_id, number, title, description, priority, due_at)
      select :id, id, last_task_number, :title, :description, :priority, :due_at from owner
      returning {_COLUMNS}
    ), told as (
      insert into events (stream, seq, user_id, kind, payload)
      select owner.id, owner.last_seq, owner.id, 'TaskChanged',
        jsonb_build_object('change', 'CREATED', 'task_id', task.id, 'task', to_jsonb(task))
      from owner, task
    )
    select task.*, owner.last_seq as activity_seq from task, owner
    """,
    NewTaskRow,
)
_GET = Query(
    f"select {_COLUMNS} from tasks where user_id = :user_id and id = :id and deleted_at is null", TaskRow
)
_GET_ANY = Query(f"select {_COLUMNS} from tasks where user_id = :user_id and id = :id", TaskRow)
_GET_MANY_ANY = Query(f"select {_COLUMNS} from tasks where user_id = :user_id and id = any(:ids)", TaskRow)
_GET_MANY = Query(
    f"select {_COLUMNS} from tasks where user_id = :user_id and id = any(:ids) and deleted_at is null",
    TaskRow,
)
_GET_BY_NUMBERS = Query(
    f"""
    select {_COLUMNS} from tasks
    where user_id = :user_id and number = any(:numbers) and deleted_at is null
    """,
    TaskRow,
)
# The newest are the ones that people speak of.
_RECENT = Query(
    f"""
    select {_COLUMNS} from tasks where user_id = :user_id and deleted_at is null
    order by number desc limit :most
    """,
    TaskRow,
)
# Locks the user's row, before any task's: who changes several tasks and who changes one wait in one line.
_LOCK_OWNER = Query("select id from users where id = :user_id for no key update")
# Locks the task: what is decided on its version holds until the commit.
_LOCK = Query(
    f"select {_COLUMNS} from tasks where user_id = :user_id and id = :id and deleted_at is null for update",
    TaskRow,
)
_UPDATE = Query(
    f"""
    update tasks
    set title = :title, description = :description, priority = :priority, due_at = :due_at,
        completed_at = case when not :completed then null else coalesce(completed_at, now()) end,
        version = version + 1, updated_at = now()
    where user_id = :user_id and id = :id
    returning {_COLUMNS}
    """,
    TaskRow,
)
_DELETE = Query(
    """
    update tasks set deleted_at = now(), version = version + 1, updated_at = now()
    where user_id = :user_id and id = :id and deleted_at is null
    """
)


async def insert_task(
    session: Session, user_id: UUID, new_id: UUID, fields: Mapping[str, object]
) -> NewTaskRow:
    """A new task with the user's next number, and the event of their activity that tells of it.

    `fields`: title, description, priority, due_at. Raises Unauthenticated where the user is gone.
    """
    row = await session.first(_INSERT, id=new_id, user_id=user_id, **fields)
    if row is None:
        raise Unauthenticated
    return row


async def get_task(reader: Reader, user_id: UUID, task_id: UUID) -> TaskRow | None:
    """The task, if it is there and this user's."""
    return await reader.first(_GET, user_id=user_id, id=task_id)


async def get_task_or_tombstone(session: Session, user_id: UUID, task_id: UUID) -> TaskRow | None:
    """The task as it stands or last stood: for answering a request again."""
    return await session.first(_GET_ANY, user_id=user_id, id=task_id)


async def get_tasks(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[TaskRow]:
    """Those of the tasks that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def get_tasks_or_tombstones(session: Session, user_id: UUID, ids: list[UUID]) -> list[TaskRow]:
    """The tasks as they stand or last stood, in no order."""
    return await session.all(_GET_MANY_ANY, user_id=user_id, ids=ids)


async def get_tasks_by_numbers(reader: Reader, user_id: UUID, numbers: Sequence[int]) -> list[TaskRow]:
    """The tasks that the user knows by these numbers, in no order; of a number without a task none."""
    known = [number for number in numbers if abs(number) <= _LARGEST_NUMBER]
    return await reader.all(_GET_BY_NUMBERS, user_id=user_id, numbers=known)


async def get_task_by_number(reader: Reader, user_id: UUID, number: int) -> TaskRow | None:
    """The task that the user knows as `task <number>`; whatever the number, also one beyond the column's."""
    return next(iter(await get_tasks_by_numbers(reader, user_id, [number])), None)


async def recent_tasks(session: Session, user_id: UUID, most: int) -> list[TaskRow]:
    """The user's newest tasks, open and done, newest first."""
    return await session.all(_RECENT, user_id=user_id, most=most)


async def lock_owner(session: Session, user_id: UUID) -> None:
    """Lock the user's row until the commit. To be taken before the lock of any task."""
    await session.first(_LOCK_OWNER, user_id=user_id)


async def lock_task(session: Session, user_id: UUID, task_id: UUID) -> TaskRow | None:
    """The task, locked until the commit."""
    return await session.first(_LOCK, user_id=user_id, id=task_id)


async def write_task(session: Session, user_id: UUID, task_id: UUID, fields: Mapping[str, object]) -> TaskRow:
    """Write every field of a locked task: those of `insert_task`, and `completed`."""
    return await session.one(_UPDATE, user_id=user_id, id=task_id, **fields)


async def bury_task(session: Session, user_id: UUID, task_id: UUID) -> bool:
    """Leave a tombstone. False when there was nothing to delete."""
    return await session.run(_DELETE, user_id=user_id, id=task_id) == 1
