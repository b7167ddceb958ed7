"""Saying something in a conversation."""

from __future__ import annotations

from typing import Annotated

import strawberry

from engine.commands.talking import Disposition, Exchange, OnActive, send_message
from ids import Kind
from resolvers import conversations
from resolvers.idempotency import Effect
from schema import problems
from schema.context import Info
from schema.executions import ExecutionActive, checked_wait, settled
from schema.mutations import call_of, input_id, mutate
from schema.types import Execution, Message

strawberry.enum(
    OnActive,
    description="What becomes of a message that arrives while a run of its conversation is active.",
)
strawberry.enum(Disposition)


@strawberry.input
class SendMessageInput:
    conversation_id: strawberry.ID
    content: str = strawberry.field(description="What the person says: 1 to 50,000 characters.")
    on_active: OnActive | None = OnActive.ENQUEUE
    wait_ms: int | None = strawberry.field(
        default=0,
        description="Wait up to this long (30,000 at most) for the reply; 0 returns at once.",
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class SendMessageSuccess:
    user_message: Message = strawberry.field(description="The message as it is kept.")
    execution: Execution = strawberry.field(description="The run that answers it, or hears it.")
    reply: Message | None = strawberry.field(description="The assistant's message, once it is there.")
    disposition: Disposition = strawberry.field(description="What became of the message.")
    cursor: str = strawberry.field(
        description="Follow the conversation from here: nothing of this exchange is missed."
    )
    replayed: bool


SendMessageResult = Annotated[
    SendMessageSuccess
    | ExecutionActive
    | problems.NotFound
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("SendMessageResult"),
]


@strawberry.type
class MessageMutations:
    @strawberry.mutation(description="Say something, and start the run that answers it.")
    async def send_message(self, info: Info, input: SendMessageInput) -> SendMessageResult:
        user_id = info.context.user_id
        wait_ms = checked_wait(input.wait_ms or 0)
        sent = await mutate(
            info,
            call_of(info, "sendMessage", input),
            Effect(
                carry_out=lambda session: send_message(
                    session,
                    user_id,
                    input_id(Kind.CONVERSATION, input.conversation_id, "conversationId"),
                    input.content,
                    input.on_active or OnActive.ENQUEUE,
                ),
                refer=conversations.refer_to_exchange,
                recall=lambda session, reference: conversations.recall_exchange(session, user_id, reference),
            ),
            lambda exchange, replayed: (exchange, replayed),
            ExecutionActive,
            problems.NotFound,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )
        return await _answered(info, *sent, wait_ms) if isinstance(sent, tuple) else sent


async def _answered(info: Info, exchange: Exchange, replayed: bool, wait_ms: int) -> SendMessageSuccess:
    services, run = info.context.services, exchange.run
    if wait_ms:
        run = await settled(info, run.user_id, run.id, wait_ms) or run
    reply = await conversations.reply_to(services.db, run)
    return SendMessageSuccess(
        user_message=Message.of(exchange.message),
        execution=Execution.of(run),
        reply=None if reply is None else Message.of(reply),
        disposition=exchange.disposition,
        cursor=services.logs.cursor(exchange.message.conversation_id, exchange.seq),
        replayed=replayed,
    )
