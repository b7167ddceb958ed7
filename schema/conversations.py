"""Conversations: what can be asked of them and done with them."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

import ids
from engine.commands import conversations as engine
from engine.commands import talking
from ids import Kind
from resolvers import conversations
from resolvers.idempotency import Call, Effect, recall_deletion
from schema import problems
from schema.arguments import or_none, window
from schema.connection import Connection, connection, ordered_by
from schema.context import Info
from schema.mutations import call_of, given, input_id, mutate
from schema.types import Conversation


@strawberry.input
class CreateConversationInput:
    title: str | None = strawberry.UNSET
    system_prompt: str | None = strawberry.field(
        default=strawberry.UNSET, description="First message, role SYSTEM."
    )
    agent_id: strawberry.ID | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Fields left out stay as they are; null clears.")
class UpdateConversationInput:
    id: strawberry.ID
    title: str | None = strawberry.UNSET
    agent_id: strawberry.ID | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class CreateConversationSuccess:
    conversation: Conversation
    replayed: bool


@strawberry.type
class UpdateConversationSuccess:
    conversation: Conversation
    replayed: bool


@strawberry.type(description="Deleting is idempotent. Its messages are gone at once, its runs are stopped.")
class DeleteConversationSuccess:
    id: strawberry.ID
    deleted: bool


CreateConversationResult = Annotated[
    CreateConversationSuccess
    | problems.NotFound
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("CreateConversationResult"),
]
UpdateConversationResult = Annotated[
    UpdateConversationSuccess
    | problems.NotFound
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("UpdateConversationResult"),
]
DeleteConversationResult = Annotated[
    DeleteConversationSuccess | problems.InvalidInput, strawberry.union("DeleteConversationResult")
]


@strawberry.type
class ConversationQueries:
    @strawberry.field(description="By id.")
    async def conversation(self, info: Info, id: strawberry.ID) -> Conversation | None:
        db, user_id = info.context.services.db, info.context.user_id
        row = await conversations.conversation_by_id(db, user_id, ids.decode(Kind.CONVERSATION, id))
        return None if row is None else Conversation.of(row)

    @strawberry.field(description="Newest first.")
    async def conversations(
        self,
        info: Info,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> Connection[Conversation]:
        db, user_id = info.context.services.db, info.context.user_id
        page = await conversations.conversation_page(db, user_id, window(first, after, last, before))
        return connection(
            page,
            node=Conversation.of,
            cursor=ordered_by("CREATED_AT"),
            count=lambda: conversations.conversation_count(db, user_id),
        )


@strawberry.type
class ConversationMutations:
    @strawberry.mutation(description="Begin a conversation.")
    async def create_conversation(
        self, info: Info, input: CreateConversationInput
    ) -> CreateConversationResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            call_of(info, "createConversation", input),
            Effect(
                carry_out=lambda session: engine.create_conversation(
                    session,
                    user_id,
                    or_none(input.title),
                    input_id(Kind.AGENT, input.agent_id, "agentId") if input.agent_id else None,
                    or_none(input.system_prompt),
                ),
                refer=conversations.refer_to,
                recall=lambda session, reference: conversations.recall_conversation(
                    session, user_id, reference
                ),
            ),
            lambda row, replayed: CreateConversationSuccess(
                conversation=Conversation.of(row), replayed=replayed
            ),
            problems.NotFound,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="Change its title, or the agent that answers from now on.")
    async def update_conversation(
        self, info: Info, input: UpdateConversationInput
    ) -> UpdateConversationResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            call_of(info, "updateConversation", input),
            Effect(
                carry_out=lambda session: engine.update_conversation(
                    session, user_id, input_id(Kind.CONVERSATION, input.id), _changes(input)
                ),
                refer=conversations.refer_to,
                recall=lambda session, reference: conversations.recall_conversation(
                    session, user_id, reference
                ),
            ),
            lambda row, replayed: UpdateConversationSuccess(
                conversation=Conversation.of(row), replayed=replayed
            ),
            problems.NotFound,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="Delete a conversation with its messages, and stop its runs.")
    async def delete_conversation(self, info: Info, id: strawberry.ID) -> DeleteConversationResult:
        user_id, conversation_id = info.context.user_id, ids.decode(Kind.CONVERSATION, id)
        return await mutate(
            info,
            Call("deleteConversation", {"id": id}, info.context.idempotency_key),
            Effect(
                carry_out=lambda session: talking.delete_conversation(session, user_id, conversation_id),
                refer=lambda deleted: {"deleted": deleted},
                recall=recall_deletion,
            ),
            lambda deleted, _: DeleteConversationSuccess(id=id, deleted=deleted),
            problems.InvalidInput,
        )


def _changes(asked: UpdateConversationInput) -> dict[str, Any]:
    changes = given(asked, "title", "agent_id")
    if changes.get("agent_id") is not None:
        changes["agent_id"] = input_id(Kind.AGENT, str(changes["agent_id"]), "agentId")
    return changes
