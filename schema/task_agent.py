"""The task agent: a message in, its task operations done."""

from __future__ import annotations

from typing import Annotated

import strawberry

import errors
from auth import utc_now
from engine.commands.task_agent import AgentOutcome
from engine.language import Intent
from resolvers import task_agent as agent
from resolvers.idempotency import Effect
from resolvers.task_agent import Answered
from schema import problems
from schema.arguments import or_none
from schema.context import Info
from schema.mutations import call_of, mutate
from schema.scalars import JSON, json_or_null
from schema.types import Task

strawberry.enum(Intent, name="TaskIntent")
strawberry.enum(AgentOutcome, name="TaskAgentOutcome")


@strawberry.input(description="A sentence about the viewer's tasks.")
class AskTaskAgentInput:
    message: str = strawberry.field(description="1 to 1,000 characters.")
    dry_run: bool | None = strawberry.field(
        default=False, description="Say what would be done, and do nothing."
    )
    confirm_token: str | None = strawberry.field(
        default=strawberry.UNSET, description="From an earlier answer that asked for confirmation."
    )
    time_zone: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="IANA name; decides what `tomorrow` means. UTC when left out.",
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type(description="How the sentence was understood; of several operations, the first.")
class TaskAgentMetadata:
    intent: Intent = strawberry.field(description="What the sentence asks for.")
    tool_called: str | None = strawberry.field(
        description="add_task, list_tasks, complete_task, update_task, delete_task, or null."
    )
    tool_arguments: JSON | None = strawberry.field(description="What the tool was called with.")
    confidence: float = strawberry.field(description="0 to 1.")
    execution_time_ms: int = strawberry.field(description="From the request to the answer, in the server.")


@strawberry.type(description="A task that could be meant.")
class TaskCandidate:
    task: Task
    similarity: float = strawberry.field(description="Similarity of the title, 0 to 1; a match needs 0.7.")


@strawberry.type(description="What the task agent understood, and did.")
class TaskAgentAnswer:
    response: str = strawberry.field(description="What a person reads.")
    metadata: TaskAgentMetadata
    tasks: list[Task] = strawberry.field(
        description="The tasks created, listed, changed or (as they were) deleted."
    )
    outcome: AgentOutcome = strawberry.field(description="What came of it.")
    candidates: list[TaskCandidate] = strawberry.field(
        description="With AMBIGUOUS_TASK: the tasks that could be meant."
    )
    confirm_token: str | None = strawberry.field(
        description="With CONFIRMATION_REQUIRED; ask again with it, and with the same message, to go ahead."
    )
    replayed: bool

    @classmethod
    def of(cls, answered: Answered, replayed: bool) -> TaskAgentAnswer:
        told = answered.metadata
        return cls(
            response=answered.response,
            metadata=TaskAgentMetadata(
                intent=Intent(told["intent"]),
                tool_called=told["tool"],
                tool_arguments=json_or_null(told["arguments"]),
                confidence=told["confidence"],
                execution_time_ms=told["milliseconds"],
            ),
            tasks=[Task.of(row) for row in answered.tasks],
            outcome=answered.outcome,
            candidates=[
                TaskCandidate(task=Task.of(row), similarity=similarity)
                for row, similarity in answered.candidates
            ],
            confirm_token=answered.confirm_token,
            replayed=replayed,
        )


AskTaskAgentResult = Annotated[
    TaskAgentAnswer | problems.InvalidInput | problems.IdempotencyConflict | problems.IdempotencyInFlight,
    strawberry.union("AskTaskAgentResult"),
]


@strawberry.type
class TaskAgentMutations:
    @strawberry.mutation(
        description="Say in a sentence what is to be done about the viewer's tasks, and it is done, at once "
        "and without a model."
    )
    async def ask_task_agent(self, info: Info, input: AskTaskAgentInput) -> AskTaskAgentResult:
        user_id, tokens = info.context.user_id, info.context.services.tokens
        try:
            asked = agent.question(
                input.message,
                utc_now(),
                or_none(input.time_zone) or "UTC",
                or_none(input.confirm_token),
                bool(input.dry_run),
            )
        except errors.InvalidInput as problem:
            return problems.InvalidInput.of(problem)
        return await mutate(
            info,
            call_of(info, "askTaskAgent", input),
            Effect(
                carry_out=lambda session: agent.ask(session, tokens, user_id, asked),
                refer=agent.refer_to,
                recall=lambda session, reference: agent.recall(session, user_id, reference),
            ),
            TaskAgentAnswer.of,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )
