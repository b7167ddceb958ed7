"""Reading tasks: one, by number, and page by page."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from db import tasks as rows
from db.connection import Database
from db.paging import Slice
from db.session import Session
from db.tasks import TASKS, TaskRow
from errors import BadUserInput
from resolvers.idempotency import Reference
from resolvers.paging import Window

_LONGEST_SEARCH = 200


async def task_by_id(db: Database, user_id: UUID, task_id: UUID) -> TaskRow | None:
    """The task, if it is there and this user's."""
    return await rows.get_task(db.reading(user_id), user_id, task_id)


async def task_by_number(db: Database, user_id: UUID, number: int) -> TaskRow | None:
    """The task that the user knows as `task <number>`."""
    return await rows.get_task_by_number(db.reading(user_id), user_id, number)


async def tasks_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, TaskRow]:
    """Those of the tasks that are there and this user's."""
    return {row.id: row for row in await rows.get_tasks(db.reading(user_id), user_id, ids)}


async def task_page(
    db: Database, user_id: UUID, filters: Mapping[str, object], order: str, descending: bool, window: Window
) -> Slice[TaskRow]:
    """One page of the user's tasks. Raises BadUserInput and InvalidCursor."""
    page = window.page(order, descending=descending)
    return await TASKS.page(db.reading(user_id), page, _checked(filters) | {"user_id": user_id})


async def task_count(db: Database, user_id: UUID, filters: Mapping[str, object]) -> int:
    """How many tasks the filters let through."""
    return await TASKS.count(db.reading(user_id), _checked(filters) | {"user_id": user_id})


async def recall_task(session: Session, user_id: UUID, reference: Reference) -> TaskRow:
    """The task that an earlier request made or changed, as it stands now or last stood."""
    row = await rows.get_task_or_tombstone(session, user_id, UUID(reference["id"]))
    if row is None:
        raise LookupError(reference["id"])
    return row


def refer_to(row: TaskRow) -> Reference:
    """What `recall_task` finds the task by."""
    return {"id": str(row.id)}


def _checked(filters: Mapping[str, object]) -> dict[str, object]:
    search = filters.get("search")
    if isinstance(search, str) and ("\x00" in search or len(search) > _LONGEST_SEARCH):
        raise BadUserInput(f"A search has at most {_LONGEST_SEARCH} characters and no NUL.")
    return dict(filters)
