"""The log's statements. Whoever takes a seq holds the lock of the row that owns the stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from db.connection import Reader, Session
from db.query import Query, Row


class EventRow(Row):
    """One entry of one stream."""

    seq: int
    at: datetime
    kind: str
    payload: dict[str, Any]


# Locks the user's row: the activity of one user is one line of entries.
_INSERT_ACTIVITY = Query(
    """
    with owner as (
      update users set last_seq = last_seq + :count where id = :user_id returning id, last_seq
    )
    insert into events (stream, seq, user_id, kind, payload)
    select owner.id, owner.last_seq - :count + entry.place, owner.id, entry.kind, entry.payload
    from owner, unnest(cast(:kinds as text[]), cast(:payloads as jsonb[]))
      with ordinality as entry (kind, payload, place)
    returning seq
    """
)
_INSERT = Query(
    """
    insert into events (stream, seq, user_id, kind, payload)
    select :stream, cast(:first_seq as int) + entry.place - 1, :user_id, entry.kind, entry.payload
    from unnest(cast(:kinds as text[]), cast(:payloads as jsonb[]))
      with ordinality as entry (kind, payload, place)
    """
)
_READ = Query(
    """
    select seq, at, kind, payload from events
    where stream = :stream and user_id = :user_id and seq > :after
    order by seq limit :size
    """,
    EventRow,
)
_LAST_OF_KIND = Query(
    """
    select seq, at, kind, payload from events
    where stream = :stream and user_id = :user_id and seq <= :seq and kind = :kind
    order by seq desc limit 1
    """,
    EventRow,
)


async def insert_activity(
    session: Session, user_id: UUID, kinds: Sequence[str], payloads: Sequence[dict[str, Any]]
) -> int:
    """Write entries to the user's activity stream; answers the seq of the last."""
    written = await session.all(
        _INSERT_ACTIVITY, user_id=user_id, count=len(kinds), kinds=list(kinds), payloads=list(payloads)
    )
    return max(row["seq"] for row in written)


async def insert_events(
    session: Session,
    stream: UUID,
    user_id: UUID,
    last_seq: int,
    kinds: Sequence[str],
    payloads: Sequence[dict[str, Any]],
) -> None:
    """Write entries that end at `last_seq`, which the caller took under the lock of the stream's owner."""
    await session.run(
        _INSERT,
        stream=stream,
        user_id=user_id,
        first_seq=last_seq - len(kinds) + 1,
        kinds=list(kinds),
        payloads=list(payloads),
    )


async def read_events(reader: Reader, stream: UUID, user_id: UUID, after: int, size: int) -> list[EventRow]:
    """The entries after `after`, ascending, `size` at most."""
    return await reader.all(_READ, stream=stream, user_id=user_id, after=after, size=size)


async def last_of_kind(session: Session, stream: UUID, user_id: UUID, kind: str, seq: int) -> EventRow | None:
    """The newest entry of a kind that stood in the log at `seq`."""
    return await session.first(_LAST_OF_KIND, stream=stream, user_id=user_id, kind=kind, seq=seq)
