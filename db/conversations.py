"""Conversations as rows. A deleted one is a tombstone: only `get_conversation_or_tombstone` still sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam

from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
from db.tables import Conversation


class ConversationRow(Row):
    """A conversation as it stands."""

    id: UUID
    user_id: UUID
    title: str | None
    agent_id: UUID | None
    last_message_number: int
    last_seq: int
    pruned_seq: int
    writing_seq: int | None
    created_at: datetime
    updated_at: datetime


class ToldRow(Row):
    """The newest entry of a conversation's log."""

    id: UUID
    last_seq: int


_COLUMNS = ", ".join(ConversationRow.columns())

CONVERSATIONS = Listing(
    ConversationRow,
    Conversation,
    where=(Conversation.user_id == bindparam("user_id", required=True)) & Conversation.deleted_at.is_(None),
    orders={"CREATED_AT": Conversation.created_at},
    filters={},
)

_INSERT = Query(
    f"""
    insert into conversations (id, user_id, title, agent_id) values (:id, :user_id, :title, :agent_id)
    returning {_COLUMNS}
    """,
    ConversationRow,
)
_GET_ANY = Query(
    f"select {_COLUMNS} from conversations where user_id = :user_id and id = :id", ConversationRow
)
_GET_MANY = Query(
    f"""
    select {_COLUMNS} from conversations
    where user_id = :user_id and id = any(:ids) and deleted_at is null
    """,
    ConversationRow,
)
# Locks the conversation: its messages and its log are written by one transaction after another.
_LOCK = Query(
    f"""
    select {_COLUMNS} from conversations
    where user_id = :user_id and id = :id and deleted_at is null for no key update
    """,
    ConversationRow,
)
_UPDATE = Query(
    f"""
    update conversations set title = :title, agent_id = :agent_id, updated_at = now()
    where user_id = :user_id and id = :id
    returning {_COLUMNS}
    """,
    ConversationRow,
)
_DELETE = Query(
    """
    update conversations set deleted_at = now(), updated_at = now(), writing_seq = null
    where user_id = :user_id and id = :id and deleted_at is null
    """
)
# Locks the conversation, a deleted one too: the runs that still write of it are on their way out.
_ADVANCE = Query(
    f"""
    update conversations
    set last_seq = last_seq + :events, last_message_number = last_message_number + :messages,
        updated_at = case when :messages > 0 then clock_timestamp() else updated_at end
    where user_id = :user_id and id = :id
    returning {_COLUMNS}
    """,
    ConversationRow,
)
# Locks the conversations, by id, deleted ones too.
_TELL = Query(
    """
    with news as materialized (
      select stream, kind, payload, ends, row_number() over (partition by stream order by place) as place
      from rows from (jsonb_to_recordset(:entries) as (stream uuid, kind text, payload jsonb, ends bool))
        with ordinality as entry (stream, kind, payload, ends, place)
    ), listener as materialized (
      select id from conversations where id in (select stream from news) order by id for no key update
    ), conversation as (
      update conversations
      set last_seq = last_seq + fresh.count, writing_seq = case when not fresh.ends then writing_seq end
      from (select stream, count(*) as count, bool_or(ends) as ends from news group by stream) as fresh
      join listener on listener.id = fresh.stream
      where conversations.id = listener.id
      returning conversations.id, conversations.user_id, conversations.last_seq,
        conversations.last_seq - fresh.count as base
    ), overheard as (
      insert into events (stream, seq, user_id, kind, payload)
      select conversation.id, conversation.base + news.place, conversation.user_id, news.kind, news.payload
      from conversation join news on news.stream = conversation.id
    )
    select id, last_seq from conversation
    """,
    ToldRow,
)


async def insert_conversation(session: Session, fields: Mapping[str, object]) -> ConversationRow:
    """A new conversation. `fields`: id, user_id, title, agent_id."""
    return await session.one(_INSERT, **fields)


async def get_conversation(reader: Reader, user_id: UUID, conversation_id: UUID) -> ConversationRow | None:
    """The conversation, if it is there and this user's."""
    return await reader.first(_GET_MANY, user_id=user_id, ids=[conversation_id])


async def get_conversations(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[ConversationRow]:
    """Those of the conversations that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def get_conversation_or_tombstone(
    reader: Reader, user_id: UUID, conversation_id: UUID
) -> ConversationRow | None:
    """The conversation as it stands or last stood: for answering a request again."""
    return await reader.first(_GET_ANY, user_id=user_id, id=conversation_id)


async def lock_conversation(session: Session, user_id: UUID, conversation_id: UUID) -> ConversationRow | None:
    """The conversation, locked until the commit."""
    return await session.first(_LOCK, user_id=user_id, id=conversation_id)


async def write_conversation(
    session: Session, row: ConversationRow, fields: Mapping[str, object]
) -> ConversationRow:
    """Write a locked conversation's title and agent_id."""
    return await session.one(_UPDATE, user_id=row.user_id, id=row.id, **fields)


async def bury_conversation(session: Session, user_id: UUID, conversation_id: UUID) -> bool:
    """Leave a tombstone. False when there was nothing to delete."""
    return await session.run(_DELETE, user_id=user_id, id=conversation_id) == 1


async def advance_conversation(
    session: Session,
    user_id: UUID,
    conversation_id: UUID,
    *,
    events: int = 1,
    messages: int = 0,
) -> ConversationRow:
    """Take so many seqs and message numbers; answers with the last of each."""
    return await session.one(
        _ADVANCE,
        user_id=user_id,
        id=conversation_id,
        events=events,
        messages=messages,
    )


async def tell_conversations(session: Session, entries: Sequence[Mapping[str, object]]) -> list[ToldRow]:
    """Write to the logs of conversations, in order; answers how far each has come.

    Entries: stream (the conversation), kind, payload, and `ends`: whether the reply being written ends.
    """
    return await session.all(_TELL, entries=list(entries))
