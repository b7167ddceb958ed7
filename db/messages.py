"""Messages as rows: whole ones, numbered from 1 without holes within their conversation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam

from db.connection import Reader, Session
from db.paging import Listing
from db.query import Query, Row
from db.tables import Message


class MessageRow(Row):
    """A message as it stands."""

    id: UUID
    user_id: UUID
    conversation_id: UUID
    number: int
    role: str
    content: str
    execution_id: UUID | None
    created_at: datetime


_COLUMNS = ", ".join(MessageRow.columns())

MESSAGES = Listing(
    MessageRow,
    Message,
    where=(Message.user_id == bindparam("user_id", required=True))
    & (Message.conversation_id == bindparam("conversation_id", required=True))
    & (Message.number <= bindparam("up_to", required=True)),
    orders={"NUMBER": Message.number},
    filters={},
)

_INSERT = Query(
    f"""
    insert into messages (id, user_id, conversation_id, number, role, content, execution_id, created_at)
    values (:id, :user_id, :conversation_id, :number, :role, :content, :execution_id, clock_timestamp())
    returning {_COLUMNS}
    """,
    MessageRow,
)
_GET_MANY = Query(
    f"""
    select {", ".join(f"message.{name}" for name in MessageRow.columns())}
    from messages as message join conversations as owner on owner.id = message.conversation_id
    where message.user_id = :user_id and message.id = any(:ids) and owner.deleted_at is null
    """,
    MessageRow,
)
_GET_ANY = Query(f"select {_COLUMNS} from messages where user_id = :user_id and id = :id", MessageRow)


async def insert_message(session: Session, fields: Mapping[str, object]) -> MessageRow:
    """A new message of a locked conversation.

    `fields`: id, user_id, conversation_id, number, role, content, execution_id.
    """
    return await session.one(_INSERT, **fields)


async def get_messages(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[MessageRow]:
    """Those of the messages that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def get_message(reader: Reader, user_id: UUID, message_id: UUID) -> MessageRow | None:
    """The message, also one of a deleted conversation: for answering a request again."""
    return await reader.first(_GET_ANY, user_id=user_id, id=message_id)
