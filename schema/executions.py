"""Runs: starting, reading, awaiting, cancelling and retrying them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

import errors
import ids
from db.executions import ExecutionRow
from db.session import Session
from engine.commands import executions as engine
from engine.commands.executions import Budget, Cancellation, NewExecution
from engine.commands.retries import retry_execution
from engine.commands.talking import start_in_conversation
from engine.states import TERMINAL, Priority, Status
from events.cursor import Cursor
from ids import Kind
from resolvers import executions
from resolvers.idempotency import Effect
from schema import problems
from schema.arguments import or_none, window
from schema.connection import Connection
from schema.context import Info
from schema.mutations import call_of, given, input_id, mutate
from schema.problems import UserError, common
from schema.scalars import JSON
from schema.types import Execution, execution_connections

_FILTERED_IDS = {"agent_id": Kind.AGENT, "conversation_id": Kind.CONVERSATION, "task_id": Kind.TASK}


@strawberry.input(description="All that is given must hold.")
class ExecutionFilter:
    status: list[Status] | None = strawberry.UNSET
    agent_id: strawberry.ID | None = strawberry.UNSET
    conversation_id: strawberry.ID | None = strawberry.UNSET
    task_id: strawberry.ID | None = strawberry.UNSET
    created_after: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Not at this instant itself."
    )
    created_before: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Not at this instant itself."
    )
    metadata: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="Matches executions whose metadata contains this object.",
    )


@strawberry.input(
    description="What a run may use, with all runs below it. One that reaches it asks a person (BUDGET)."
)
class BudgetInput:
    max_tokens: int | None = strawberry.field(
        default=strawberry.UNSET, description="Input and output together."
    )
    max_cost: float | None = strawberry.field(default=strawberry.UNSET, description="US dollars.")
    max_steps: int | None = strawberry.field(default=strawberry.UNSET, description="At least 1.")


@strawberry.input
class StartExecutionInput:
    input: str = strawberry.field(description="What the agent should do.")
    agent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The built-in assistant where this is left out."
    )
    conversation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The answer becomes a message of this conversation."
    )
    task_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The task that it is about."
    )
    priority: Priority | None = Priority.MEDIUM
    time_zone: str | None = strawberry.field(
        default="UTC", description="IANA name; decides what `tomorrow` means."
    )
    start_at: datetime | None = strawberry.field(default=strawberry.UNSET, description="Start no earlier.")
    deadline: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Fail with DEADLINE_EXCEEDED when not finished by then."
    )
    budget: BudgetInput | None = strawberry.field(
        default=strawberry.UNSET, description="What it and the runs below it may use."
    )
    lock_key: str | None = strawberry.field(
        default=strawberry.UNSET, description="Runs with the same key go one at a time, in order."
    )
    metadata: JSON | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Stopping a run stops all runs below it.")
class CancelExecutionInput:
    id: strawberry.ID
    reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 1,000 characters, for the record."
    )
    wait_ms: int | None = strawberry.field(
        default=0, description="Wait up to this long (30,000 at most) for the run to have stopped."
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="The run to begin again must have ended.")
class RetryExecutionInput:
    id: strawberry.ID
    from_step: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Keep the steps up to and including this one; null starts over.",
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class StartExecutionSuccess:
    execution: Execution
    cursor: str = strawberry.field(description="Follow the run from its first event.")
    replayed: bool

    @classmethod
    def of(cls, row: ExecutionRow, replayed: bool) -> StartExecutionSuccess:
        return cls(execution=Execution.of(row), cursor=Cursor(row.id, 0).encode(), replayed=replayed)


@strawberry.type(description="It has stopped, and so have its children.")
class CancelConfirmed:
    execution: Execution


@strawberry.type(description="It was asked to stop and will.")
class CancelRequested:
    execution: Execution
    cursor: str = strawberry.field(description="Where its stream stands: follow it to see it stop.")


@strawberry.type(description="It had ended before it was asked to stop.")
class AlreadyTerminal:
    execution: Execution


@strawberry.type(description="A run is active here, and the caller asked for that to be refused.")
class ExecutionActive(UserError):
    active: Execution

    @classmethod
    def of(cls, problem: errors.ExecutionActive) -> ExecutionActive:
        row: Any = problem.active
        return cls(**common(problem), active=Execution.of(row))


@strawberry.type(description="The run as it stands.")
class AwaitExecutionPayload:
    execution: Execution
    timed_out: bool = strawberry.field(
        description="It has neither ended nor does it need a person yet: ask again."
    )
    cursor: str = strawberry.field(
        description="Where its stream stands: pass it as `after` to follow from here."
    )


StartExecutionResult = Annotated[
    StartExecutionSuccess
    | problems.NotFound
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("StartExecutionResult"),
]
CancelExecutionResult = Annotated[
    CancelConfirmed | CancelRequested | AlreadyTerminal | problems.NotFound | problems.InvalidInput,
    strawberry.union("CancelExecutionResult"),
]
RetryExecutionResult = Annotated[
    StartExecutionSuccess
    | ExecutionActive
    | problems.NotFound
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("RetryExecutionResult"),
]


@strawberry.type
class ExecutionQueries:
    @strawberry.field(description="By id.")
    async def execution(self, info: Info, id: strawberry.ID) -> Execution | None:
        db, user_id = info.context.services.db, info.context.user_id
        row = await executions.execution_by_id(db, user_id, ids.decode(Kind.EXECUTION, id))
        return None if row is None else Execution.of(row)

    @strawberry.field(description="Newest first. Those that other runs have started are among them.")
    async def executions(
        self,
        info: Info,
        filter: ExecutionFilter | None = strawberry.UNSET,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> Connection[Execution]:
        within = window(first, after, last, before)
        (runs,) = await execution_connections(info, [_filters(filter)], within)
        return runs

    @strawberry.field(
        description="Waits up to `timeoutMs` (30,000 at most), on any server, for the run to end "
        "or to need a person. Null: not found."
    )
    async def await_execution(
        self, info: Info, id: strawberry.ID, timeout_ms: int
    ) -> AwaitExecutionPayload | None:
        user_id = info.context.user_id
        row = await settled(info, user_id, ids.decode(Kind.EXECUTION, id), timeout_ms)
        if row is None:
            return None
        run = Execution.of(row)
        return AwaitExecutionPayload(
            execution=run,
            timed_out=not executions.is_settled(row),
            cursor=info.context.services.logs.cursor(row.id, row.last_seq),
        )


@strawberry.type
class ExecutionMutations:
    @strawberry.mutation(description="Start a run. It is a row before this answers: no crash loses it.")
    async def start_execution(self, info: Info, input: StartExecutionInput) -> StartExecutionResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            call_of(info, "startExecution", input),
            Effect(
                carry_out=lambda session: _start(session, user_id, input),
                refer=executions.refer_to,
                recall=lambda session, reference: executions.recall_execution(session, user_id, reference),
            ),
            StartExecutionSuccess.of,
            problems.NotFound,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="Ask a run to stop, and wait for that if `waitMs` says so.")
    async def cancel_execution(self, info: Info, input: CancelExecutionInput) -> CancelExecutionResult:
        user_id = info.context.user_id
        wait_ms = checked_wait(input.wait_ms or 0)
        done = await mutate(
            info,
            call_of(info, "cancelExecution", input),
            Effect(
                carry_out=lambda session: engine.cancel_execution(
                    session, user_id, input_id(Kind.EXECUTION, input.id), input.reason or None
                ),
                refer=lambda done: {**executions.refer_to(done.row), "was_over": done.was_over},
                recall=lambda session, reference: executions.recall_cancellation(session, user_id, reference),
            ),
            lambda done, _: done,
            problems.NotFound,
            problems.InvalidInput,
        )
        return await _cancelled(info, done, wait_ms) if isinstance(done, Cancellation) else done

    @strawberry.mutation(description="A new execution that starts from what this one has done.")
    async def retry_execution(self, info: Info, input: RetryExecutionInput) -> RetryExecutionResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            call_of(info, "retryExecution", input),
            Effect(
                carry_out=lambda session: retry_execution(
                    session, user_id, input_id(Kind.EXECUTION, input.id), or_none(input.from_step)
                ),
                refer=executions.refer_to,
                recall=lambda session, reference: executions.recall_execution(session, user_id, reference),
            ),
            StartExecutionSuccess.of,
            ExecutionActive,
            problems.NotFound,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )


async def _start(session: Session, user_id: UUID, asked: StartExecutionInput) -> ExecutionRow:
    new = _new(asked)
    if not asked.conversation_id:
        return await engine.start_execution(session, user_id, new)
    conversation_id = input_id(Kind.CONVERSATION, asked.conversation_id, "conversationId")
    return await start_in_conversation(session, user_id, conversation_id, new)


def _new(asked: StartExecutionInput) -> NewExecution:
    return NewExecution(
        input=asked.input,
        priority=asked.priority or Priority.MEDIUM,
        task_id=input_id(Kind.TASK, asked.task_id, "taskId") if asked.task_id else None,
        agent_id=input_id(Kind.AGENT, asked.agent_id, "agentId") if asked.agent_id else None,
        time_zone=asked.time_zone or "UTC",
        metadata=metadata_of(asked.metadata),
        start_at=or_none(asked.start_at),
        deadline=or_none(asked.deadline),
        lock_key=or_none(asked.lock_key),
        budget=budget_of(asked.budget),
    )


def budget_of(given: BudgetInput | None) -> Budget:
    """The budget of an input."""
    asked = or_none(given)
    if asked is None:
        return Budget()
    return Budget(or_none(asked.max_tokens), or_none(asked.max_cost), or_none(asked.max_steps))


def metadata_of(given: JSON | None) -> dict[str, Any] | None:
    """The metadata of an input. Raises InvalidInput."""
    metadata: Any = or_none(given)
    if not isinstance(metadata, dict | None):
        raise errors.InvalidInput([errors.Issue(("input", "metadata"), "Must be an object.")])
    return cast("dict[str, Any] | None", metadata)


async def settled(info: Info, user_id: UUID, execution_id: UUID, timeout_ms: int) -> ExecutionRow | None:
    """The run once it has ended or needs a person; waits, on the operation's own time."""
    services = info.context.services
    info.context.more_time(timeout_ms / 1_000)
    return await executions.await_execution(
        services.db,
        services.hub,
        user_id,
        execution_id,
        timeout_ms,
        services.settings.poll_seconds,
    )


async def _cancelled(
    info: Info, done: Cancellation, wait_ms: int
) -> CancelConfirmed | CancelRequested | AlreadyTerminal:
    if done.was_over:
        return AlreadyTerminal(execution=Execution.of(done.row))
    row = done.row
    if wait_ms and row.status not in TERMINAL:
        row = await settled(info, row.user_id, row.id, wait_ms) or row
    if row.status in TERMINAL:
        return CancelConfirmed(execution=Execution.of(row))
    cursor = info.context.services.logs.cursor(row.id, row.last_seq)
    return CancelRequested(execution=Execution.of(row), cursor=cursor)


def checked_wait(wait_ms: int) -> int:
    """A wait within its bounds. Raises BadUserInput."""
    if not 0 <= wait_ms <= executions.LONGEST_WAIT_MS:
        raise errors.BadUserInput(f"A wait takes 0 to {executions.LONGEST_WAIT_MS:,} ms.")
    return wait_ms


def _filters(asked: ExecutionFilter | None) -> dict[str, object]:
    if not asked:
        return {}
    named = given(asked, "status", *_FILTERED_IDS, "created_after", "created_before", "metadata")
    filters = {name: value for name, value in named.items() if value is not None}
    decoded = {
        name: ids.decode(kind, str(filters[name])) for name, kind in _FILTERED_IDS.items() if name in filters
    }
    return filters | decoded
