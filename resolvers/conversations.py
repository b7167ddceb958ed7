"""Reading conversations and their messages."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import conversations as rows
from db import messages as message_rows
from db.connection import Database
from db.conversations import CONVERSATIONS, ConversationRow
from db.executions import ExecutionRow, get_execution
from db.gathering import Gathered
from db.messages import MESSAGES, MessageRow
from db.paging import Slice
from db.session import Readers, Session
from engine.commands.talking import Disposition, Exchange
from resolvers.idempotency import Reference
from resolvers.paging import Window


async def conversation_by_id(db: Database, user_id: UUID, conversation_id: UUID) -> ConversationRow | None:
    """The conversation, if it is there and this user's."""
    return await rows.get_conversation(db.reading(user_id), user_id, conversation_id)


async def conversations_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, ConversationRow]:
    """Those of the conversations that are there and this user's."""
    return {row.id: row for row in await rows.get_conversations(db.reading(user_id), user_id, ids)}


async def messages_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, MessageRow]:
    """Those of the messages that are there and this user's."""
    return {row.id: row for row in await message_rows.get_messages(db.reading(user_id), user_id, ids)}


async def conversation_page(db: Database, user_id: UUID, window: Window) -> Slice[ConversationRow]:
    """One page of the user's conversations, newest first. Raises BadUserInput and InvalidCursor."""
    page = window.page("CREATED_AT", descending=True)
    return await CONVERSATIONS.page(db.reading(user_id), page, {"user_id": user_id})


async def conversation_count(db: Database, user_id: UUID) -> int:
    """How many conversations the user has."""
    return await CONVERSATIONS.count(db.reading(user_id), {"user_id": user_id})


async def message_pages(
    db: Gathered, user_id: UUID, talks: Sequence[tuple[ConversationRow, int]], window: Window
) -> list[Slice[MessageRow]]:
    """Of each conversation a page of its messages up to a number, oldest first.

    Raises BadUserInput and InvalidCursor.
    """
    page = window.page("NUMBER")
    return await MESSAGES.pages(db, user_id, page, [_messages_of(row, up_to) for row, up_to in talks])


async def message_count(db: Readers, row: ConversationRow, up_to: int) -> int:
    """How many messages there are up to a number."""
    return await MESSAGES.count(db.reading(row.user_id), _messages_of(row, up_to))


def _messages_of(row: ConversationRow, up_to: int) -> dict[str, object]:
    return {"user_id": row.user_id, "conversation_id": row.id, "up_to": up_to}


def where_it_stands(row: ConversationRow) -> int:
    """The seq from where nothing that is still to come is missed, the reply being written included."""
    return row.last_seq if row.writing_seq is None else row.writing_seq


async def reply_to(db: Database, run: ExecutionRow) -> MessageRow | None:
    """What a run wrote into its conversation, once it is there."""
    if run.reply_id is None:
        return None
    return await message_rows.get_message(db.reading(run.user_id), run.user_id, run.reply_id)


async def recall_exchange(session: Session, user_id: UUID, reference: Reference) -> Exchange:
    """A message that an earlier request sent, and the run that answers it, as they stand now."""
    message = await message_rows.get_message(session, user_id, UUID(reference["message"]))
    run = await get_execution(session, user_id, UUID(reference["run"]))
    if message is None or run is None:
        raise LookupError(reference["message"])
    return Exchange(message, run, Disposition(reference["disposition"]), reference["seq"])


def refer_to_exchange(exchange: Exchange) -> Reference:
    """What `recall_exchange` finds it by."""
    return {
        "message": str(exchange.message.id),
        "run": str(exchange.run.id),
        "disposition": exchange.disposition.value,
        "seq": exchange.seq,
    }


async def recall_conversation(session: Session, user_id: UUID, reference: Reference) -> ConversationRow:
    """The conversation that an earlier request made or changed, as it stands now or last stood."""
    row = await rows.get_conversation_or_tombstone(session, user_id, UUID(reference["id"]))
    if row is None:
        raise LookupError(reference["id"])
    return row


def refer_to(row: ConversationRow) -> Reference:
    """What `recall_conversation` finds the conversation by."""
    return {"id": str(row.id)}
