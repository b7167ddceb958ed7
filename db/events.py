"""The log's statements. Whoever takes a seq holds the lock of the row that owns the stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from db.query import Query, Row
from db.session import Reader, Session


class EventRow(Row):
    """One entry of one stream."""

    seq: int
    follows: int | None
    at: datetime
    kind: str
    payload: dict[str, Any]


class LastRow(Row):
    """The newest entry of a log."""

    stream: UUID
    last_seq: int


class FoundRow(EventRow):
    """One entry of one of several streams that were asked for."""

    place: int
    "Which of them, from 1."
    epoch: int


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
USERS_HEAR = """reader as materialized (
      select id from users where id in (select user_id from news) order by id for no key update
    ), owner as (
      update users set last_seq = last_seq + fresh.count
      from (select user_id, count(*) as count from news group by user_id) as fresh
      join reader on reader.id = fresh.user_id
      where users.id = reader.id
      returning users.id, users.last_seq, users.last_seq - fresh.count as base
    ), heard as (
      insert into events (stream, seq, user_id, kind, payload)
      select owner.id, owner.base + news.place, owner.id, news.kind, news.payload
      from owner join news on news.user_id = owner.id
    )
"""
"""What is `news` (user_id, place, kind, payload) goes to the activity of its users.

Locks their rows, by id: the activity of each is one line of entries."""
CONVERSATIONS_HEAR = """listener as materialized (
      select id from conversations where id in (select conversation_id from said)
      order by id for no key update
    ), conversation as (
      update conversations
      set last_seq = last_seq + fresh.count,
          writing_seq = case when not fresh.ends then coalesce(last_seq + fresh.begins - 1, writing_seq) end
      from (
        select conversation_id, count(*) as count, bool_or(ends) as ends,
          max(place) filter (where begins) as begins
        from said group by conversation_id
      ) as fresh
      join listener on listener.id = fresh.conversation_id
      where conversations.id = listener.id
      returning conversations.id, conversations.user_id, conversations.last_seq,
        conversations.last_seq - fresh.count as base
    ), overheard as (
      insert into events (stream, seq, user_id, kind, payload)
      select conversation.id, conversation.base + said.place, conversation.user_id, said.kind, said.payload
      from conversation join said on said.conversation_id = conversation.id
    )
"""
"""What is `said` (conversation_id, place, kind, payload, begins, ends) goes to the logs of conversations.

`begins`, `ends`: whether the reply that is being written does with it. Locks the conversations, by id,
deleted ones too.
"""
_SAID = f"""
    , said as materialized (
      select conversation_id, kind, payload, false as begins, ends,
        row_number() over (partition by conversation_id order by number) as place
      from entry where conversation_id is not null
    ), {CONVERSATIONS_HEAR}
"""


def _insert_and_tell(*, talks: bool) -> Query[LastRow]:
    """The statement that also writes to conversations costs more."""
    return Query(
        f"""
        with entry as materialized (
          select * from rows from (
            jsonb_to_recordset(:entries) as (
              stream uuid, seq int, user_id uuid, kind text, payload jsonb, conversation_id uuid, ends bool)
          ) with ordinality
            as entry (stream, seq, user_id, kind, payload, conversation_id, ends, number)
        ), own as (
          insert into events (stream, seq, user_id, kind, payload)
          select stream, seq, user_id, kind, payload from entry
        ), news as materialized (
          select user_id, kind, payload, row_number() over (partition by user_id order by number) as place
          from entry
        ) {_SAID if talks else ""}, {USERS_HEAR}
        {"select id as stream, last_seq from conversation union all" if talks else ""}
        select id as stream, last_seq from owner
        """,
        LastRow,
    )


INSERT_AND_TELL = _insert_and_tell(talks=False)
# Locks conversations, then users, each by id.
INSERT_TALK_AND_TELL = _insert_and_tell(talks=True)
_READ = Query(
    """
    select seq, follows, at, kind, payload from events
    where stream = :stream and user_id = :user_id and seq > :after
    order by seq limit :size
    """,
    EventRow,
)
_READ_MANY = Query(
    """
    select asked.place, entry.seq, entry.follows, entry.at, entry.kind, entry.payload,
      (select log_epoch()) as epoch
    from unnest(cast(:streams as uuid[]), cast(:users as uuid[]), cast(:afters as int[]))
      with ordinality as asked (stream, user_id, after, place)
    join users on users.id = asked.user_id
    cross join lateral (
      select seq, follows, at, kind, payload from events
      where events.stream = asked.stream and events.user_id = asked.user_id and seq > asked.after
      order by seq limit :size
    ) as entry
    order by asked.place, entry.seq
    """,
    FoundRow,
)
# The entry after a row of deleted ones tells what it follows now; the newest entry of a log is never deleted.
_DELETE = Query(
    """
    with entries as (
      select seq, coalesce(follows, seq - 1) as follows, seq = any(:seqs) and seq < max(seq) over () as goes
      from events where stream = :stream and user_id = :user_id and seq >= :first
    ), runs as (
      select *, count(*) filter (where not goes) over (order by seq desc) as run from entries
    ), stays as (
      select max(seq) as seq, min(follows) as follows from runs group by run having bool_or(goes)
    ), gone as (
      delete from events using entries
      where events.stream = :stream and events.seq = entries.seq and entries.goes
    )
    update events set follows = stays.follows from stays
    where events.stream = :stream and events.seq = stays.seq
    """
)
_COUNT_AFTER = Query(
    """
    select count(*) as count from events
    where stream = :stream and user_id = :user_id and seq > :seq and kind = :kind
    """
)
_LAST_OF_KINDS = Query(
    """
    select entry.seq, entry.follows, entry.at, entry.kind, entry.payload
    from unnest(cast(:kinds as text[])) as asked (kind)
    cross join lateral (
      select seq, follows, at, kind, payload from events
      where stream = :stream and user_id = :user_id and seq <= :seq and events.kind = asked.kind
      order by seq desc limit 1
    ) as entry
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


async def insert_and_tell(session: Session, entries: Sequence[Mapping[str, Any]]) -> list[LastRow]:
    """Write entries of many streams, as `insert_events` does, and the same to their conversations, if they
    have one, and to the activity of their users; answers how far those logs have come.

    Each: stream, seq, user_id, kind, payload, conversation_id, and `ends`: whether the reply that is being
    written there ends with it.
    """
    talks = any(entry["conversation_id"] is not None for entry in entries)
    return await session.all(INSERT_TALK_AND_TELL if talks else INSERT_AND_TELL, entries=list(entries))


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


async def read_many(
    session: Session, streams: Sequence[UUID], users: Sequence[UUID], afters: Sequence[int], size: int
) -> list[FoundRow]:
    """Of each stream the entries after a seq, ascending, `size` of each at most; of its user's rows only.

    A user who is gone has none.
    """
    return await session.all(
        _READ_MANY, streams=list(streams), users=list(users), afters=list(afters), size=size
    )


async def delete_events(session: Session, stream: UUID, user_id: UUID, seqs: Sequence[int]) -> None:
    """Prune entries out of the middle of a log: deltas, say, that the entry after them replaces.

    Readers may still come from any place; they pass over what is gone. The log's newest entry is kept.
    """
    await session.run(_DELETE, stream=stream, user_id=user_id, seqs=list(seqs), first=min(seqs, default=0))


async def count_after(reader: Reader, stream: UUID, user_id: UUID, kind: str, seq: int) -> int:
    """How many entries of a kind came after `seq`."""
    row = await reader.one(_COUNT_AFTER, stream=stream, user_id=user_id, kind=kind, seq=seq)
    return row["count"]


async def last_of_kinds(
    reader: Reader, stream: UUID, user_id: UUID, kinds: Sequence[str], seq: int
) -> dict[str, EventRow]:
    """Of each kind the newest entry that stood in the log at `seq`, where there was one."""
    found = await reader.all(_LAST_OF_KINDS, stream=stream, user_id=user_id, kinds=list(kinds), seq=seq)
    return {row.kind: row for row in found}
