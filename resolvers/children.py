"""Reading families of runs."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from db import children as rows
from db.connection import Database
from db.executions import ExecutionRow


async def children_by_parents(
    db: Database, user_id: UUID, parent_ids: list[UUID]
) -> dict[UUID, list[ExecutionRow]]:
    """The runs that each of these runs has started, oldest first."""
    found: defaultdict[UUID, list[ExecutionRow]] = defaultdict(list)
    for row in await rows.children_of(db.reading(user_id), user_id, parent_ids):
        if row.parent_id is not None:
            found[row.parent_id].append(row)
    return found
