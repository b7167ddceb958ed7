"""Conversations as rows. A deleted one is a tombstone: only `get_conversation_or_tombstone` still sees it."""

from __future__ import annotations

from collections.abc import Mapping
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
