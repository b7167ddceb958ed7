"""Whose a stream is, and how far it has come: every stream is counted by a row that owns it.

A table of owners has `last_seq` and `pruned_seq`, and the stream's id as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from db.connection import Reader
from db.query import Query, Row


class StandingRow(Row):
    """A stream as its owner counts it."""

    last_seq: int | None
    "None where the stream is not, or no longer, this user's."
    pruned_seq: int
    "The entries up to here are gone."
    epoch: int
    "Which life of the log this is: another one after a failover, which may have lost the newest entries."


def _standings(owners: str) -> Query[StandingRow]:
    """`owners` has a row for each stream: id, user_id, last_seq, pruned_seq."""
    return Query(
        f"""
        select owner.last_seq, coalesce(owner.pruned_seq, 0) as pruned_seq, (select log_epoch()) as epoch
        from unnest(cast(:streams as uuid[]), cast(:users as uuid[]))
          with ordinality as asked (stream, user_id, place)
        left join ({owners}) as owner on owner.id = asked.stream and owner.user_id = asked.user_id
        order by asked.place
        """,
        StandingRow,
    )


EXECUTIONS = _standings("select id, user_id, last_seq, pruned_seq from executions")
CONVERSATIONS = _standings(
    "select id, user_id, last_seq, pruned_seq from conversations where deleted_at is null"
)
ACTIVITIES = _standings("select id, id as user_id, last_seq, pruned_seq from users")


_EPOCH = Query("select log_epoch() as epoch")


async def get_epoch(reader: Reader) -> int:
    """Which life of the log this is; 0 before the database was migrated, where there is no log."""
    try:
        return (await reader.one(_EPOCH))["epoch"]
    except asyncpg.UndefinedFunctionError:
        return 0


async def get_standings(
    reader: Reader, owners: Query[StandingRow], streams: Sequence[tuple[UUID, UUID]]
) -> list[StandingRow]:
    """How far each of these streams of these users has come, in their order."""
    ids, users = [stream for stream, _ in streams], [user for _, user in streams]
    return await reader.all(owners, streams=ids, users=users)
