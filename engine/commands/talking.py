"""What a person may say in a conversation, and what becomes of it while a run of it is active."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import asyncpg

from db import conversations as rows
from db import messages as message_rows
from db.children import lock_families
from db.conversations import ConversationRow
from db.executions import ExecutionRow, get_execution
from db.messages import MessageRow
from db.session import Session
from engine.commands.agents import agent_for_work
from engine.commands.conversations import Role, Words, add_message
from engine.commands.executions import NewExecution, check
from engine.runs.families import stop_family
from engine.runs.moves import move
from engine.runs.turns import queue_turn
from engine.states import EndReason
from errors import ExecutionActive, InvalidInput, Issue, NotFound
from ids import Kind, encode

LONGEST_MESSAGE = 50_000
MOST_PENDING = 10
"Messages that wait for one run to take them up; further ones are answered after it."


class OnActive(StrEnum):
    """What is to become of a message that comes while a run of its conversation is active."""

    REJECT = "REJECT"
    ENQUEUE = "ENQUEUE"
    INTERRUPT = "INTERRUPT"
    STEER = "STEER"


class Disposition(StrEnum):
    """What became of it."""

    STARTED = "STARTED"
    QUEUED = "QUEUED"
    STEERED = "STEERED"
    SUPERSEDED_PREVIOUS = "SUPERSEDED_PREVIOUS"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message, the run that answers it, and where the conversation's log stood before."""

    message: MessageRow
    run: ExecutionRow
    disposition: Disposition
    seq: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is said in a locked conversation, and which version of its agent would answer."""

    conversation: ConversationRow
    content: str
    version_id: UUID | None


async def send_message(
    session: Session, user_id: UUID, conversation_id: UUID, content: str, on_active: OnActive
) -> Exchange:
    """A person's message, and the run that answers it: both are there, or neither.

    Raises InvalidInput, NotFound, and ExecutionActive where it is to be rejected. Locks runs before the
    conversation, so who was active may not be any more: then the transaction begins anew.
    """
    _check(content)
    reaches = on_active in {OnActive.INTERRUPT, OnActive.STEER}
    head = await _lock_head(session, user_id, conversation_id) if reaches else None
    conversation = await rows.lock_conversation(session, user_id, conversation_id)
    if conversation is None:
        raise NotFound(path=("input", "conversationId"))
    agent = None
    if conversation.agent_id is not None:
        agent = await agent_for_work(session, user_id, conversation.agent_id, "conversationId")
    asked = _Asked(conversation, content, None if agent is None else agent.version_id)
    active_id = await message_rows.active_run(session, user_id, conversation_id)
    if active_id is None or on_active is OnActive.ENQUEUE:
        return await _answer(session, asked)
    if on_active is OnActive.REJECT:
        raise ExecutionActive(await get_execution(session, user_id, active_id))
    if head is None or head.id != active_id:
        raise asyncpg.SerializationError("another run became active meanwhile")
    if on_active is OnActive.STEER:
        return await _steer(session, asked, head)
    await _stop(session, head, EndReason.SUPERSEDED, "A newer message took its place.")
    return await _answer(session, asked, Disposition.SUPERSEDED_PREVIOUS)


async def start_in_conversation(
    session: Session, user_id: UUID, conversation_id: UUID, new: NewExecution
) -> ExecutionRow:
    """A run of a conversation: its input is the person's message. Those of one go one at a time.

    Raises InvalidInput and NotFound.
    """
    check(new)
    if new.lock_key not in {None, encode(Kind.CONVERSATION, conversation_id)}:
        message = "Runs of a conversation go one at a time by themselves: leave it out."
        raise InvalidInput([Issue(("input", "lockKey"), message)])
    conversation = await rows.lock_conversation(session, user_id, conversation_id)
    if conversation is None:
        raise NotFound(path=("input", "conversationId"))
    fields = await new.columns(session, user_id)
    kept = {name: value for name, value in fields.items() if name != "agent_id" or value is not None}
    if fields["agent_id"] is None:
        del kept["agent_version_id"]
    run = await queue_turn(session, conversation, new.input, kept)
    await add_message(session, conversation, Words(Role.USER, new.input, run.id))
    return run


async def delete_conversation(session: Session, user_id: UUID, conversation_id: UUID) -> bool:
    """Delete the conversation with its messages, and stop its runs: those that wait as well.

    False when it was not there: deleting is idempotent. Locks runs before the conversation, as
    `send_message` does.
    """
    live = await message_rows.live_runs(session, user_id, conversation_id)
    locked = await lock_families(session, user_id, live) if live else {}
    if not await rows.bury_conversation(session, user_id, conversation_id):
        return False
    now_live = await message_rows.live_runs(session, user_id, conversation_id)
    if not locked.keys() >= set(now_live):
        raise asyncpg.SerializationError("another run was started meanwhile")
    for run_id in now_live:  # the last first, so that none takes its turn meanwhile
        await _stop(session, locked[run_id], EndReason.CANCELLED_BY_USER, "Its conversation was deleted.")
    return True


async def _lock_head(session: Session, user_id: UUID, conversation_id: UUID) -> ExecutionRow | None:
    """The run that is active, locked with its family; None where there is none, or it has ended since."""
    head_id = await message_rows.active_run(session, user_id, conversation_id)
    if head_id is None:
        return None
    return (await lock_families(session, user_id, [head_id])).get(head_id)


async def _answer(session: Session, asked: _Asked, disposition: Disposition | None = None) -> Exchange:
    conversation, seq = asked.conversation, asked.conversation.last_seq
    run = await queue_turn(session, conversation, asked.content, {"agent_version_id": asked.version_id})
    disposition = disposition or (Disposition.QUEUED if run.blocked else Disposition.STARTED)
    message = await add_message(session, conversation, Words(Role.USER, asked.content, run.id))
    return Exchange(message, run, disposition, seq)


async def _stop(session: Session, head: ExecutionRow, reason: EndReason, told: str) -> None:
    for one in await stop_family(session, head, reason, told):
        await move(session, one.row, one.ending, cancel_reason=one.cancel_reason)


async def _steer(session: Session, asked: _Asked, head: ExecutionRow) -> Exchange:
    pending = await message_rows.pending(session, head.user_id, head.id)
    if len(pending) >= MOST_PENDING:
        return await _answer(session, asked)
    seq = asked.conversation.last_seq
    message = await add_message(session, asked.conversation, Words(Role.USER, asked.content, head.id))
    await message_rows.hand_to(session, message, head.id)
    return Exchange(message, head, Disposition.STEERED, seq)


def _check(content: str) -> None:
    path = ("input", "content")
    if not content.strip():
        raise InvalidInput([Issue(path, "Must not be empty.")])
    if len(content) > LONGEST_MESSAGE or "\x00" in content:
        raise InvalidInput([Issue(path, f"At most {LONGEST_MESSAGE:,} characters, no NUL.")])
