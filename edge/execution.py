"""Operations carried out: variables coerced, resolvers run under a timeout, results written as JSON.

Transports get bytes. How a result came about (by a plan or by graphql-core) is nobody's business outside this
file.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson
import strawberry
from graphql import ExecutionResult, GraphQLError

from auth import Principal
from edge import masking
from edge.answers import MAX_ERRORS, Answer, Failure, PublicError
from edge.core import Execution, Kept, inside
from edge.documents import Documents, Operation
from edge.door import Door, RequestFacts
from edge.guard import Charge, Guard
from edge.live import Live, Views
from edge.manifest import load_trusted
from edge.measuring import Measuring
from edge.patience import Patience
from edge.plans.plan import Unfinished
from edge.plans.plans import Plans
from edge.registry import Automatic, Trusted
from edge.requests import GraphQLRequest
from edge.seats import Seats
from edge.values import Values
from errors import OperationTimeout
from events.source import Stream, Told
from settings import Settings

C = TypeVar("C")


class Caller(NamedTuple):
    """Who asks for one operation, and under which id it stands in the log."""

    principal: Principal | None
    request_id: str
    address: str
    idempotency_key: str | None = None
    traceparent: str | None = None
    "What the request is part of, as it says itself."

    @property
    def user_id(self) -> UUID | None:
        """Nobody's where there is no token."""
        return None if self.principal is None else self.principal.user_id


class Executions(Generic[C]):
    """What the transports share. They give any exception that leaves here to `masking.failure`."""

    def __init__(self, schema: strawberry.Schema, settings: Settings, door: Door[C]) -> None:
        self._schema = inside(schema)
        self._documents = Documents(self._schema, settings, door.access)
        self._guard = Guard(settings.max_cost, door.purse)
        self._plans = Plans(schema)
        self._values = Values(self._schema, not settings.introspection)
        self._views = Views(self._schema)
        self._seats = Seats(settings.max_streams_per_user, "streams")
        trusted = settings.trusted_documents
        self._registry = Automatic(door.store) if trusted is None else Trusted(load_trusted(trusted))
        self._hide_suggestions = not settings.introspection
        self._seconds = settings.operation_timeout_seconds
        self._door = door

    @property
    def streams(self) -> int:
        """Open subscriptions of whoever has signed in."""
        return self._seats.count

    async def select(self, request: GraphQLRequest, caller: Caller) -> Operation:
        """The valid operation that a request names. Raises Failure, BadRequest and RateLimited."""

        async def pay(points: int) -> None:
            await self._guard.pay(caller, points)

        text = await self._registry.text_of(request, pay)
        operation = self._documents.operation(text, request.operation_name)
        await self._registry.learn(request, pay)
        return operation

    def own(self, document: str) -> Operation:
        """The operation of a document that we wrote: it is trusted, whatever else is."""
        return self._documents.operation(document, None)

    async def run(self, operation: Operation, variables: dict[str, object], caller: Caller) -> Answer:
        """Carry out a query or a mutation. Raises Failure and RequestError before any resolver has run."""
        with Measuring(operation, caller) as measuring:
            charge = await self._guard.admit(operation.demand, variables, caller)
            answer = await self._carry_out(operation, variables, caller)
            measuring.answered(has_errors=answer.has_errors)
            return charge.shown_in(answer)

    async def _carry_out(self, operation: Operation, variables: dict[str, object], caller: Caller) -> Answer:
        patience = Patience(self._seconds)
        work = self._result(operation, variables, lambda: self._context(caller, patience))
        return await _answered(work, patience, caller.request_id)

    async def subscribe(
        self, operation: Operation, variables: dict[str, object], caller: Caller
    ) -> Live | AsyncGenerator[Answer, None]:
        """Open a subscription: one answer for each event. Raises Failure and RequestError before it is open,
        and Failure later on if the source does.

        A stream of ours comes as Live. Any other source comes as a generator, and closing that closes the
        source, before `aclose` returns.
        """
        with Measuring(operation, caller) as measuring:
            opened = await self._open(operation, variables, caller)
            measuring.answered(has_errors=False)
            return opened

    async def _open(
        self, operation: Operation, variables: dict[str, object], caller: Caller
    ) -> Live | AsyncGenerator[Answer, None]:
        charge = await self._guard.admit(operation.demand, variables, caller)
        execution = self._execution(operation, variables, self._context(caller, Patience(None)))
        leave = self._seat(caller)
        try:
            source = await execution.source()
            if isinstance(source, ExecutionResult):
                raise Failure(_errors(source, caller.request_id))
        except BaseException:
            leave()
            raise
        (field,) = operation.roots
        if not isinstance(source, Stream):
            return _answers(execution, source, caller.request_id, field, charge, leave)

        async def execute(told: Told) -> Answer:
            return await self._on_event(operation, variables, caller, told)

        view = self._views.of(operation, execution)
        return Live(source, view, execute, charge, leave, field, caller.request_id)

    def _seat(self, caller: Caller) -> Callable[[], None]:
        """Raises RateLimited. Nobody has no seats, and no streams either."""
        return _nothing if caller.principal is None else self._seats.take(caller.principal.user_id)

    async def _on_event(
        self, operation: Operation, variables: dict[str, object], caller: Caller, told: Told
    ) -> Answer:
        """With a context of its own: what was loaded for one event is old at the next."""
        patience = Patience(self._seconds)
        execution = self._execution(operation, variables, self._context(caller, patience))
        work = execution.on(told.value).result()
        return await _answered(work, patience, caller.request_id, told.cursor)

    def _context(self, caller: Caller, patience: Patience) -> C:
        facts = RequestFacts(caller.request_id, caller.idempotency_key, caller.address, patience.more)
        return self._door.context(caller.principal, facts)

    async def _result(
        self, operation: Operation, variables: dict[str, object], context: Callable[[], C]
    ) -> ExecutionResult:
        values = self._values.of(operation, variables)
        if isinstance(values, list):
            raise _refusal(values)
        plan = self._plans.find(operation, values)
        kept: Kept = {}
        if plan is not None:
            data = await plan.carry_out(context(), values)
            if not isinstance(data, Unfinished):
                return ExecutionResult(data)
            kept = data.kept
        # With a context of its own: what the plan's was loading may have been cancelled with it.
        return await self._execution(operation, variables, context(), kept).result()

    def _execution(
        self, operation: Operation, variables: dict[str, object], context: C, kept: Kept | None = None
    ) -> Execution:
        built = Execution.build(
            self._schema, operation.document, operation.name, variables, context, kept, self._hide_suggestions
        )
        if isinstance(built, list):
            raise _refusal(built)
        return built


def _refusal(errors: list[GraphQLError]) -> Failure:
    return Failure([masking.refused(error, masking.BAD_USER_INPUT) for error in errors])


async def _answered(
    work: Awaitable[ExecutionResult], patience: Patience, correlation_id: str, cursor: str | None = None
) -> Answer:
    try:
        result = await patience.hold(work)
    except TimeoutError:
        result = ExecutionResult(None, [GraphQLError("", original_error=OperationTimeout())])
    return _answer(result, correlation_id, cursor)


def _nothing() -> None:
    """Nobody's seat is left."""


async def _answers(
    execution: Execution,
    source: AsyncIterable[object],
    correlation_id: str,
    field: str,
    charge: Charge,
    leave: Callable[[], None],
) -> AsyncGenerator[Answer, None]:
    show = charge.shown_in
    try:
        async for event in source:
            yield show(await _render(execution, event, correlation_id))
            show = _as_it_is
    except Exception as error:
        raise masking.broken(error, field, correlation_id) from error
    finally:
        leave()
        if isinstance(source, AsyncGenerator):
            await source.aclose()


def _as_it_is(answer: Answer) -> Answer:
    """Only the first one shows what the subscription costs."""
    return answer


async def _render(execution: Execution, event: object, correlation_id: str) -> Answer:
    result = await execution.on(event).result()
    cursor: object = getattr(event, "cursor", None)
    return _answer(result, correlation_id, cursor if isinstance(cursor, str) else None)


def _answer(result: ExecutionResult, correlation_id: str, cursor: str | None = None) -> Answer:
    content: dict[str, object] = {"data": result.data}
    if result.errors:
        content["errors"] = _errors(result, correlation_id)
    if cursor is not None:
        content["extensions"] = {"cursor": cursor}
    try:
        return Answer(orjson.dumps(content, option=orjson.OPT_UTC_Z), cursor, bool(result.errors))
    except TypeError as error:  # a value that JSON or UTF-8 has no form for
        content |= {"data": None, "errors": masking.failure(error, correlation_id).errors}
        return Answer(orjson.dumps(content), cursor, has_errors=True)


def _errors(result: ExecutionResult, correlation_id: str) -> list[PublicError]:
    return [masking.executed(error, correlation_id) for error in (result.errors or [])[:MAX_ERRORS]]
