"""A turn of a conversation: the run that answers, its reply, and what becomes of what it did not hear."""

from __future__ import annotations

from uuid import UUID

from db import agents as agent_rows
from db import conversations as rows
from db import messages as message_rows
from db import queue
from db.conversations import ConversationRow
from db.executions import ExecutionRow
from db.messages import MessageRow
from db.session import Session
from engine.endings import Ending
from engine.log import tell_status
from engine.states import Cause, Priority, Status
from engine.topics import DUE_TOPIC, QUEUE_TOPIC
from ids import Kind, encode, new_id


async def queue_turn(
    session: Session, conversation: ConversationRow, text: str, fields: dict[str, object]
) -> ExecutionRow:
    """The run that answers, behind those of the same conversation that live. The conversation is locked.

    `fields` go before what follows from the conversation.
    """
    key = encode(Kind.CONVERSATION, conversation.id)
    await queue.lock_key(session, conversation.user_id, key)
    if "agent_version_id" not in fields:
        fields = {**fields, "agent_version_id": await _version_of(session, conversation)}
    row = await queue.insert_execution(
        session,
        {
            "id": new_id(),
            "user_id": conversation.user_id,
            "conversation_id": conversation.id,
            "agent_id": conversation.agent_id,
            "input": text,
            "time_zone": "UTC",
            "priority": int(Priority.MEDIUM),
            "reply_id": new_id(),
            **fields,
            "lock_key": key,
        },
    )
    await tell_status(session, row)
    session.hint(QUEUE_TOPIC if row.status == Status.QUEUED else DUE_TOPIC)
    return row


async def _version_of(session: Session, conversation: ConversationRow) -> UUID | None:
    if conversation.agent_id is None:
        return None
    agent = await agent_rows.get_agent(session, conversation.user_id, conversation.agent_id)
    return None if agent is None else agent.version_id


async def write_reply(session: Session, run: ExecutionRow, ending: Ending) -> MessageRow | None:
    """The answer of a held run as a message of its conversation; None where there is none to write.

    The run is locked, as is the conversation from here on. Whoever ends the run tells of the message.
    """
    if run.conversation_id is None or run.reply_id is None or ending.cause is not Cause.COMPLETE:
        return None
    reply = {
        "id": run.reply_id,
        "role": "ASSISTANT",
        "content": str(ending.result),
        "execution_id": run.id,
    }
    return await message_rows.insert_message(session, run.user_id, run.conversation_id, reply, events=0)


async def after_turn(session: Session, run: ExecutionRow) -> None:
    """What came to a run that has ended, and was not taken up by it, is answered after it."""
    if run.conversation_id is None:
        return
    pending = await message_rows.pending(session, run.user_id, run.id)
    if not pending:
        return
    conversation = await rows.lock_conversation(session, run.user_id, run.conversation_id)
    if conversation is None:
        return
    for message in pending:
        answering = await queue_turn(session, conversation, message.content, {})
        await message_rows.answer_with(session, message, answering.id)
