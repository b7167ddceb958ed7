"""Whose a stream is, and how far it has come: every stream is counted by a row that owns it.

A table of owners has `last_seq` and `pruned_seq`, and the stream's id as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

import asyncpg

from db.conversations import ConversationRow
from db.executions import ExecutionRow
from db.query import Query, Row
from db.session import Reader
from db.users import UserRow

L = TypeVar("L", bound=Row)


class StandingRow(Row):
    """A stream as its owner counts it."""

    last_seq: int | None
    "None where the stream is not, or no longer, this user's."
    pruned_seq: int
    "The entries up to here are gone."
    epoch: int
    "Which life of the log this is: another one after a failover, which may have lost the newest entries."


class RunLog(ExecutionRow):
    """A run, and how its log stands."""

    pruned_seq: int
    epoch: int


class ConversationLog(ConversationRow):
    """A conversation, and how its log stands."""

    epoch: int


class ActivityLog(UserRow):
    """A person, and how the log of their activity stands."""

    last_seq: int
    pruned_seq: int
    epoch: int


def _owner(table: str, row: type[L], where: str) -> Query[L]:
    columns = ", ".join(name for name in row.columns() if name != "epoch")
    return Query(f"select {columns}, (select log_epoch()) as epoch from {table} where {where}", row)


_RUN = _owner("executions", RunLog, "user_id = :user_id and id = :id")
_CONVERSATION = _owner(
    "conversations", ConversationLog, "user_id = :user_id and id = :id and deleted_at is null"
)
_ACTIVITY = _owner("users", ActivityLog, "id = :id")


async def get_run_log(reader: Reader, user_id: UUID, stream: UUID) -> RunLog | None:
    """The run, if it is there and this user's."""
    return await reader.first(_RUN, user_id=user_id, id=stream)


async def get_conversation_log(reader: Reader, user_id: UUID, stream: UUID) -> ConversationLog | None:
    """The conversation, if it is there and this user's."""
    return await reader.first(_CONVERSATION, user_id=user_id, id=stream)


async def get_activity_log(reader: Reader, user_id: UUID, _: UUID) -> ActivityLog | None:
    """The person, if they are there: a user's activity has the user's id."""
    return await reader.first(_ACTIVITY, id=user_id)


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
