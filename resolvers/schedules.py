"""Reading schedules: by id and page by page."""

from __future__ import annotations

from uuid import UUID

from db import schedules as rows
from db.connection import Database
from db.paging import Slice
from db.schedules import SCHEDULES, ScheduleRow
from db.session import Session
from resolvers.idempotency import Reference
from resolvers.paging import Window


async def schedules_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, ScheduleRow]:
    """Those of the schedules that are there and this user's."""
    return {row.id: row for row in await rows.get_schedules(db.reading(user_id), user_id, ids)}


async def schedule_page(db: Database, user_id: UUID, window: Window) -> Slice[ScheduleRow]:
    """One page of the user's schedules, newest first. Raises BadUserInput and InvalidCursor."""
    page = window.page("CREATED_AT", descending=True)
    return await SCHEDULES.page(db.reading(user_id), page, {"user_id": user_id})


async def schedule_count(db: Database, user_id: UUID) -> int:
    """How many schedules the user has."""
    return await SCHEDULES.count(db.reading(user_id), {"user_id": user_id})


async def recall_schedule(session: Session, user_id: UUID, reference: Reference) -> ScheduleRow:
    """The schedule that an earlier request made, as it stands now or last stood."""
    row = await rows.get_schedule_or_tombstone(session, user_id, UUID(reference["id"]))
    if row is None:
        raise LookupError(reference["id"])
    return row


def refer_to(row: ScheduleRow) -> Reference:
    """What `recall_schedule` finds the schedule by."""
    return {"id": str(row.id)}
