"""What runs ask people: the inbox, and answering it."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

import errors
from engine.commands.answers import Accepted, Answer, Result
from engine.states import Decision, InterruptStatus
from ids import Kind
from resolvers import interrupts
from resolvers.idempotency import Effect
from schema import problems
from schema.arguments import or_none, window
from schema.connection import Connection, connection, ordered_by
from schema.context import Info
from schema.mutations import call_of, input_id, mutate
from schema.problems import UserError, common, member
from schema.scalars import JSON
from schema.types import Interrupt


@strawberry.input(
    description="Which decisions there are for which reason, and what they need: docs/people-in-the-loop.md."
)
class InterruptAnswer:
    interrupt_id: strawberry.ID
    decision: Decision
    arguments: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="With EDIT: all of the arguments, or the new budget."
    )
    value: JSON | None = strawberry.field(default=strawberry.UNSET, description="With RESPOND: the answer.")
    comment: str | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 1,000 characters; with DENY the model reads it."
    )


@strawberry.input(
    description="Answers to several interrupts, each for itself: what is wrong with one leaves the others "
    "alone."
)
class AnswerInterruptsInput:
    answers: list[InterruptAnswer] = strawberry.field(description="1 to 100.")
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type(
    description="The answer counts; the run goes on when nothing that it asked is open any more."
)
class AnswerAccepted:
    interrupt: Interrupt
    replayed: bool


@strawberry.type(description="Somebody has answered it before, and differently.")
class AlreadyAnswered(UserError):
    interrupt: Interrupt = strawberry.field(description="With what was decided.")

    @classmethod
    def of(cls, problem: errors.AlreadyAnswered) -> AlreadyAnswered:
        row: Any = problem.interrupt
        return cls(**common(problem), interrupt=Interrupt.of(row))


@strawberry.type(description="The time to answer is over, or the run has ended otherwise.")
class InterruptExpired(UserError):
    pass


AnswerResult = Annotated[
    AnswerAccepted | AlreadyAnswered | InterruptExpired | problems.NotFound | problems.InvalidInput,
    strawberry.union("AnswerResult"),
]
_PROBLEMS = (AlreadyAnswered, InterruptExpired, problems.NotFound, problems.InvalidInput)


@strawberry.type(
    description="One result for each answer, in the same order; "
    "a part of the open interrupts may be answered."
)
class AnswerInterruptsPayload:
    results: list[AnswerResult]


@strawberry.type
class InterruptQueries:
    @strawberry.field(description="The approval inbox, across runs.")
    async def interrupts(
        self,
        info: Info,
        status: InterruptStatus | None = InterruptStatus.OPEN,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> Connection[Interrupt]:
        db, user_id = info.context.services.db, info.context.user_id
        filters: dict[str, object] = {} if status is None else {"status": status.value}
        page = await interrupts.interrupt_page(db, user_id, filters, window(first, after, last, before))
        return connection(
            page,
            node=Interrupt.of,
            cursor=ordered_by("CREATED_AT"),
            count=lambda: interrupts.interrupt_count(db, user_id, filters),
        )


@strawberry.type
class InterruptMutations:
    @strawberry.mutation(description="Answer what runs ask.")
    async def answer_interrupts(self, info: Info, input: AnswerInterruptsInput) -> AnswerInterruptsPayload:
        user_id = info.context.user_id
        given = [_answer(one, place) for place, one in enumerate(input.answers)]
        done = await mutate(
            info,
            call_of(info, "answerInterrupts", input),
            Effect(
                carry_out=lambda session: interrupts.answer(session, user_id, given),
                refer=interrupts.refer_to,
                recall=lambda session, reference: interrupts.recall(session, user_id, reference),
            ),
            lambda results, _: [_result(one) for one in results],
            problems.InvalidInput,
        )
        # What is wrong with the whole request is wrong with each of its answers.
        return AnswerInterruptsPayload(results=done if isinstance(done, list) else [done] * len(given))


def _answer(given: InterruptAnswer, place: int) -> Answer | errors.Problem:
    try:
        interrupt_id = input_id(Kind.INTERRUPT, given.interrupt_id, "answers", str(place), "interruptId")
    except errors.InvalidInput as problem:
        return problem
    return Answer(
        interrupt_id,
        given.decision,
        arguments=or_none(given.arguments),
        value=or_none(given.value),
        comment=or_none(given.comment),
    )


def _result(result: Result) -> Any:
    if isinstance(result, Accepted):
        return AnswerAccepted(interrupt=Interrupt.of(result.interrupt), replayed=result.replayed)
    return member(result, _PROBLEMS)
