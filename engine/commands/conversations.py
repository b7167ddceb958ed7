"""What may be done with a conversation: begun, renamed, given another agent, and added to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from db import conversations as rows
from db import messages as message_rows
from db.conversations import ConversationRow
from db.messages import MessageRow
from db.session import Session
from engine.commands.agents import agent_for_work
from engine.facts import message_facts
from engine.log import append
from errors import InvalidInput, Issue, NotFound
from events.kinds import MessageCompleted
from ids import new_id

LONGEST_TITLE = 500
LONGEST_PROMPT = 50_000


class Role(StrEnum):
    """Whose words a message holds."""

    SYSTEM = "SYSTEM"
    USER = "USER"
    ASSISTANT = "ASSISTANT"
    TOOL = "TOOL"


@dataclass(frozen=True, slots=True)
class Words:
    """A message that is to be added."""

    role: Role
    content: str
    execution_id: UUID | None = None
    id: UUID | None = None
    "None: a fresh one."


async def create_conversation(
    session: Session,
    user_id: UUID,
    title: str | None,
    agent_id: UUID | None,
    system_prompt: str | None,
) -> ConversationRow:
    """A new conversation, with its system prompt as the first message where there is one.

    Raises InvalidInput, and NotFound for an agent that is not this user's.
    """
    _check(title, system_prompt)
    if agent_id is not None:
        await agent_for_work(session, user_id, agent_id)
    fields = {"id": new_id(), "user_id": user_id, "title": title, "agent_id": agent_id}
    row = await rows.insert_conversation(session, fields)
    if not system_prompt:
        return row
    await add_message(session, row, Words(Role.SYSTEM, system_prompt))
    return await rows.get_conversation(session, user_id, row.id) or row


async def update_conversation(
    session: Session, user_id: UUID, conversation_id: UUID, given: Mapping[str, Any]
) -> ConversationRow:
    """The conversation with another title or agent; null takes either away. Runs under way keep theirs.

    Raises InvalidInput and NotFound.
    """
    _check(given.get("title"), None)
    row = await rows.lock_conversation(session, user_id, conversation_id)
    if row is None:
        raise NotFound(path=("input", "id"))
    if given.get("agent_id") is not None:
        await agent_for_work(session, user_id, given["agent_id"])
    kept = {"title": row.title, "agent_id": row.agent_id}
    return await rows.write_conversation(session, row, kept | dict(given))


async def add_message(session: Session, conversation: ConversationRow, words: Words) -> MessageRow:
    """The next message of a locked conversation, and the event that tells of it."""
    fields = {
        "id": words.id or new_id(),
        "role": words.role.value,
        "content": words.content,
        "execution_id": words.execution_id,
    }
    user_id = conversation.user_id
    message = await message_rows.insert_message(session, user_id, conversation.id, fields, events=1)
    if message is None:
        raise LookupError(conversation.id)
    fact = MessageCompleted(message=message_facts(message))
    await append(session, conversation.id, user_id, message.last_seq, [fact])
    return message


def _check(title: str | None, system_prompt: str | None) -> None:
    issues = [
        *_length_issues("title", title, LONGEST_TITLE),
        *_length_issues("systemPrompt", system_prompt, LONGEST_PROMPT),
    ]
    if issues:
        raise InvalidInput(issues)


def _length_issues(name: str, text: str | None, longest: int) -> list[Issue]:
    if text is None or (len(text) <= longest and "\x00" not in text):
        return []
    return [Issue(("input", name), f"At most {longest:,} characters, no NUL.")]
