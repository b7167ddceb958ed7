"""Reading what runs ask people."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from db import interrupts as rows
from db.connection import Database
from db.interrupts import INTERRUPTS, InterruptRow
from db.paging import Slice
from resolvers.paging import Window


async def interrupts_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, InterruptRow]:
    """Those of the interrupts that are there and this user's."""
    async with db.as_user(user_id) as session:
        return {row.id: row for row in await rows.get_interrupts(session, user_id, ids)}


async def interrupts_by_executions(
    db: Database, user_id: UUID, execution_ids: list[UUID]
) -> dict[UUID, list[InterruptRow]]:
    """What each of these runs has asked, oldest first."""
    found: defaultdict[UUID, list[InterruptRow]] = defaultdict(list)
    async with db.as_user(user_id) as session:
        for row in await rows.interrupts_of(session, user_id, execution_ids):
            found[row.execution_id].append(row)
    return found


async def interrupt_page(
    db: Database, user_id: UUID, filters: dict[str, object], window: Window
) -> Slice[InterruptRow]:
    """One page of what the user's runs ask, newest first. Raises BadUserInput and InvalidCursor."""
    page = window.page("CREATED_AT", descending=True)
    async with db.as_user(user_id) as session:
        return await INTERRUPTS.page(session, page, {**filters, "user_id": user_id})


async def interrupt_count(db: Database, user_id: UUID, filters: dict[str, object]) -> int:
    """How many interrupts the filters let through."""
    async with db.as_user(user_id) as session:
        return await INTERRUPTS.count(session, {**filters, "user_id": user_id})
