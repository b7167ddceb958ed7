"""What runs ask people: the inbox, and answering it."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

import errors
from engine.answers import Accepted, Answer, Result
from engine.states import Decision, InterruptStatus
from ids import Kind
from resolvers import interrupts
from resolvers.idempotency import Effect
from schema import problems
from schema.arguments import or_none, window
from schema.connection import Connection, ordered_by
from schema.context import Info
from schema.mutations import call_of, input_id, mutate
from schema.problems import UserError, common, member
from schema.scalars import JSON
from schema.types import Interrupt


@strawberry.input
class InterruptAnswer:
    interrupt_id: strawberry.ID
    decision: Decision
    arguments: JSON | None = strawberry.UNSET
    value: JSON | None = strawberry.UNSET
    comment: str | None = strawberry.UNSET


@strawberry.input
class AnswerInterruptsInput:
    answers: list[InterruptAnswer]
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class AnswerAccepted:
    interrupt: Interrupt
    replayed: bool


@strawberry.type
class AlreadyAnswered(UserError):
    interrupt: Interrupt

    @classmethod
    def of(cls, problem: errors.AlreadyAnswered) -> AlreadyAnswered:
        row: Any = problem.interrupt
        return cls(**common(problem), interrupt=Interrupt.of(row))


@strawberry.type
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
        return Connection[Interrupt].of(
            page,
            node=Interrupt.of,
            cursor=ordered_by("CREATED_AT"),
            count=lambda: interrupts.interrupt_count(db, user_id, filters),
        )


@strawberry.type
class InterruptMutations:
    @strawberry.mutation
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
