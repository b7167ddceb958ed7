"""Messages as rows: whole ones, numbered from 1 without holes within their conversation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam

from db.paging import Listing
from db.query import Query, Row
from db.session import Reader, Session
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


class InsertedRow(MessageRow):
    """A message that has just come."""

    last_seq: int
    "Of its conversation's log, its own entry counted in."


class HistoryRow(Row):
    """What a model is told of a message."""

    role: str
    content: str
    place: int
    "The number of the first message of its turn: an answer belongs behind the message that it answers."


class SteeredRow(MessageRow):
    """A message that a run took up."""

    steered_step: int | None


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

# A summary that covers the turn that this one belongs to does not hold any more.
_VOID = """
    void as (
      delete from summaries where user_id = :user_id and conversation_id = :conversation_id
        and through >= (select min(number) from messages where execution_id = :execution_id)
    )
"""
# Locks the conversation.
_INSERT = Query(
    f"""
    with {_VOID}, owner as (
      update conversations
      set last_message_number = last_message_number + 1, last_seq = last_seq + cast(:events as int),
          updated_at = clock_timestamp()
      where user_id = :user_id and id = :conversation_id and deleted_at is null
      returning *
    )
    insert into messages (id, user_id, conversation_id, number, role, content, execution_id, created_at)
    select :id, user_id, id, last_message_number, :role, :content, :execution_id, clock_timestamp()
    from owner
    returning {_COLUMNS}, (select last_seq from owner) as last_seq
    """,
    InsertedRow,
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
# A run's reply belongs behind the message that it answers, whatever was said between the two; and what is
# said to be answered later belongs to nobody's past yet. Where a turn was done again, its newer reply counts.
_HISTORY = Query(
    """
    with said as (
      select role, content, number, execution_id,
        min(number) over (partition by coalesce(execution_id, id)) as place
      from messages
      where user_id = :user_id and conversation_id = :conversation_id
        and (role = 'SYSTEM' or number > (
          select last_message_number - cast(:most as int) from conversations where id = :conversation_id))
        and not (execution_id is not distinct from :execution_id and steers_id is not null)
        and not (role = 'ASSISTANT' and exists (
          select from executions as again where again.retry_of = messages.execution_id
            and again.conversation_id = :conversation_id and again.status = 'COMPLETED'))
    )
    select role, content, place from said
    where place <= (select min(place) from said where execution_id = :execution_id)
      and (place > :through or role = 'SYSTEM')
    order by place, number
    """,
    HistoryRow,
)
_STEERED = Query(
    f"""
    select {_COLUMNS}, steered_step from messages
    where user_id = :user_id and steers_id = :execution_id and steered_at is not null order by number
    """,
    SteeredRow,
)
_PENDING = Query(
    f"""
    select {_COLUMNS} from messages
    where user_id = :user_id and steers_id = :execution_id and steered_at is null order by number
    """,
    MessageRow,
)
_TAKE = Query(
    f"""
    with taken as (
      update messages set steered_at = clock_timestamp(), steered_step = :step
      where user_id = :user_id and steers_id = :execution_id and steered_at is null
      returning {_COLUMNS}
    )
    select {_COLUMNS} from taken order by number
    """,
    MessageRow,
)
_HAND = Query("update messages set steers_id = :execution_id where user_id = :user_id and id = :id")
_ANSWER_WITH = Query(
    """
    update messages set steers_id = null, execution_id = :execution_id
    where user_id = :user_id and id = :id
    """
)
_ACTIVE = Query(
    """
    select id from executions
    where user_id = :user_id and conversation_id = :conversation_id
      and status not in ('SCHEDULED', 'COMPLETED', 'FAILED', 'CANCELLED') and not blocked
    order by id limit 1
    """
)

_LIVE = Query(
    """
    select id from executions
    where user_id = :user_id and conversation_id = :conversation_id
      and status not in ('COMPLETED', 'FAILED', 'CANCELLED')
    order by id desc
    """
)
_HAND_OVER = Query(
    """
    update messages
    set execution_id = :to_id, steers_id = case when steers_id = :from_id then cast(:to_id as uuid) end
    where user_id = :user_id and execution_id = :from_id and role = 'USER'
    """
)


async def insert_message(
    session: Session,
    user_id: UUID,
    conversation_id: UUID,
    fields: Mapping[str, object],
    *,
    events: int,
) -> InsertedRow | None:
    """The next message of a conversation, with so many seqs of its log; None where it is deleted.

    `fields`: id, role, content, execution_id.
    """
    return await session.first(
        _INSERT, user_id=user_id, conversation_id=conversation_id, events=events, **fields
    )


async def get_messages(reader: Reader, user_id: UUID, ids: list[UUID]) -> list[MessageRow]:
    """Those of the messages that are there and this user's, in no order."""
    return await reader.all(_GET_MANY, user_id=user_id, ids=ids)


async def get_message(reader: Reader, user_id: UUID, message_id: UUID) -> MessageRow | None:
    """The message, also one of a deleted conversation: for answering a request again."""
    return await reader.first(_GET_ANY, user_id=user_id, id=message_id)


async def history(
    reader: Reader, user_id: UUID, conversation_id: UUID, execution_id: UUID, through: int, most: int
) -> list[HistoryRow]:
    """What was said before a run's own message, and that, in order: of the newest `most` messages.

    Turns up to the place `through` are left out, since a summary stands for them; system messages are not.
    """
    return await reader.all(
        _HISTORY,
        user_id=user_id,
        conversation_id=conversation_id,
        execution_id=execution_id,
        through=through,
        most=most,
    )


async def steered(reader: Reader, user_id: UUID, execution_id: UUID) -> list[SteeredRow]:
    """What a run took up while it was active, in order."""
    return await reader.all(_STEERED, user_id=user_id, execution_id=execution_id)


async def pending(reader: Reader, user_id: UUID, execution_id: UUID) -> list[MessageRow]:
    """What is handed to a run and not taken up yet, in order."""
    return await reader.all(_PENDING, user_id=user_id, execution_id=execution_id)


async def take_pending(session: Session, user_id: UUID, execution_id: UUID, step: int) -> list[MessageRow]:
    """Have a held run take it up, before this step."""
    return await session.all(_TAKE, user_id=user_id, execution_id=execution_id, step=step)


async def hand_to(session: Session, row: MessageRow, execution_id: UUID) -> None:
    """Hand a message to a locked run that is active."""
    await session.run(_HAND, user_id=row.user_id, id=row.id, execution_id=execution_id)


async def answer_with(session: Session, row: MessageRow, execution_id: UUID) -> None:
    """Have another run answer a message that was handed to one."""
    await session.run(_ANSWER_WITH, user_id=row.user_id, id=row.id, execution_id=execution_id)


async def hand_over(session: Session, user_id: UUID, from_id: UUID, to_id: UUID) -> None:
    """What an ended run was told is answered by another one that starts it again."""
    await session.run(_HAND_OVER, user_id=user_id, from_id=from_id, to_id=to_id)


async def live_runs(session: Session, user_id: UUID, conversation_id: UUID) -> list[UUID]:
    """The runs of the conversation that have not ended, newest first."""
    found = await session.all(_LIVE, user_id=user_id, conversation_id=conversation_id)
    return [row["id"] for row in found]


async def active_run(session: Session, user_id: UUID, conversation_id: UUID) -> UUID | None:
    """The run of the conversation whose turn it is."""
    row = await session.first(_ACTIVE, user_id=user_id, conversation_id=conversation_id)
    return None if row is None else row["id"]
