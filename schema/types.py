"""Tasks, runs and steps as clients see them. They refer to each other, so they share this room."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import strawberry

import ids
from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.steps import StepRow
from db.tasks import TaskRow
from engine.states import (
    Decision,
    EndReason,
    InterruptReason,
    InterruptStatus,
    Priority,
    Status,
    StepKind,
    StepStatus,
)
from errors import NotFound
from events.cursor import Cursor
from events.kinds import InterruptFacts, ProgressReported, StepFacts, TaskFacts
from ids import Kind
from resolvers import children, executions, interrupts, tasks
from resolvers.paging import Window
from resolvers.snapshots import Past
from schema.arguments import or_none, window
from schema.connection import Connection, ordered_by
from schema.context import Info
from schema.event import EventConnection
from schema.node import Node
from schema.scalars import JSON, json_or_null


class ChangeKind(StrEnum):
    """What became of an object."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


strawberry.enum(ChangeKind)
strawberry.enum(Priority)
strawberry.enum(EndReason)
strawberry.enum(StepKind)
strawberry.enum(Status, name="ExecutionStatus")
strawberry.enum(StepStatus)
strawberry.enum(InterruptReason)
strawberry.enum(InterruptStatus)
strawberry.enum(Decision)


def typeid(kind: Kind, value: Any) -> strawberry.ID:
    """The outside form of an id."""
    return strawberry.ID(ids.encode(kind, value))


@strawberry.type
class Task(Node):
    number: int = strawberry.field(
        description="Counts up from 1 for each user: what `task 5` means in a sentence."
    )
    title: str
    description: str | None
    priority: Priority
    due_at: datetime | None
    completed: bool
    completed_at: datetime | None
    version: int = strawberry.field(
        description="Goes up by one with each change; pass it to an update to refuse a lost update."
    )
    created_at: datetime
    updated_at: datetime
    key: strawberry.Private[Any]

    @classmethod
    def of(cls, row: TaskRow | TaskFacts) -> Task:
        return cls(
            id=typeid(Kind.TASK, row.id),
            number=row.number,
            title=row.title,
            description=row.description,
            priority=Priority(row.priority),
            due_at=row.due_at,
            completed=row.completed_at is not None,
            completed_at=row.completed_at,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
            key=row.id,
        )

    @strawberry.field(description="Agent runs started for this task, newest first.")
    async def executions(
        self, info: Info, first: int | None = 50, after: str | None = strawberry.UNSET
    ) -> Connection[Annotated[Execution, strawberry.lazy("schema.types")]]:
        return await execution_connection(info, {"task_id": self.key}, window(first, after))


@strawberry.type
class Step(Node):
    number: int = strawberry.field(description="From 1, without holes.")
    kind: StepKind
    status: StepStatus
    tool_name: str | None
    input: JSON | None
    result: JSON | None
    text: str | None
    error: str | None
    attempt: int = strawberry.field(description="Which attempt of the run carried it out.")
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None

    @classmethod
    def of(cls, row: StepRow | StepFacts) -> Step:
        return cls(
            id=typeid(Kind.STEP, row.id),
            number=row.number,
            kind=StepKind(row.kind),
            status=StepStatus(row.status),
            tool_name=row.tool_name,
            input=json_or_null(row.input),
            result=json_or_null(row.result),
            text=row.text,
            error=row.error,
            attempt=row.attempt,
            started_at=row.started_at,
            finished_at=row.finished_at,
            duration_ms=_milliseconds(row.started_at, row.finished_at),
        )

    @classmethod
    def as_of(cls, row: StepRow, seq: int) -> Step:
        """The step as the run's log knew it at `seq`."""
        step = cls.of(row)
        if row.finished_seq is not None and row.finished_seq > seq:
            step.status = StepStatus.RUNNING
            step.result = step.error = step.finished_at = step.duration_ms = None
        return step


@strawberry.type
class Progress:
    percent: float | None = strawberry.field(
        description="0 to 100, never falling within an attempt; null when unknown, never invented."
    )
    message: str | None
    at: datetime

    @classmethod
    def of(cls, fact: ProgressReported) -> Progress:
        return cls(percent=fact.percent, message=fact.message, at=fact.at)


@strawberry.type
class Execution(Node):
    input: str = strawberry.field(description="What was asked.")
    status: Status
    end_reason: EndReason | None
    result: JSON | None = strawberry.field(description="The final answer.")
    error: str | None
    progress: Progress | None
    priority: Priority
    attempt: int
    metadata: JSON | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    row: strawberry.Private[ExecutionRow]
    seq: strawberry.Private[int]

    @classmethod
    def of(cls, row: ExecutionRow) -> Execution:
        return cls(
            id=typeid(Kind.EXECUTION, row.id),
            input=row.input,
            status=Status(row.status),
            end_reason=None if row.end_reason is None else EndReason(row.end_reason),
            result=json_or_null(row.result),
            error=row.error,
            progress=_progress(row),
            priority=Priority(row.priority),
            attempt=row.attempt,
            metadata=json_or_null(row.metadata),
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            row=row,
            seq=row.last_seq,
        )

    @classmethod
    def as_of(cls, past: Past) -> Execution:
        """The run as its log knew it at an older seq."""
        run, row = cls.of(past.row), past.row
        run.seq = past.seq
        run.status = Status(past.status.status)
        run.attempt = past.status.attempt
        run.end_reason = run.result = run.error = run.finished_at = None
        run.started_at = row.started_at if past.status.attempt else None
        run.progress = None if past.progress is None else Progress.of(past.progress)
        return run

    @strawberry.field
    async def task(self, info: Info) -> Task | None:
        if self.row.task_id is None:
            return None
        row = await info.context.load(tasks.tasks_by_ids, self.row.task_id)
        return None if row is None else Task.of(row)

    @strawberry.field(description="The run that started it.")
    async def parent(self, info: Info) -> Execution | None:
        if self.row.parent_id is None:
            return None
        row = await info.context.load(executions.executions_by_ids, self.row.parent_id)
        return None if row is None else Execution.of(row)

    @strawberry.field(description="The runs that it started, oldest first.")
    async def children(self, info: Info) -> list[Execution]:
        rows = await info.context.load(children.children_by_parents, self.row.id)
        return [Execution.of(row) for row in rows or ()]

    @strawberry.field(description="What it has asked people, oldest first.")
    async def interrupts(
        self, info: Info, status: InterruptStatus | None = strawberry.UNSET
    ) -> list[Annotated[Interrupt, strawberry.lazy("schema.types")]]:
        rows = await info.context.load(interrupts.interrupts_by_executions, self.row.id)
        known = [Interrupt.as_of(row, self.seq) for row in rows or () if row.opened_seq <= self.seq]
        return [one for one in known if not status or one.status is status]

    @strawberry.field
    async def steps(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[Step]:
        db = info.context.services.db
        page = await executions.step_page(db, self.row, self.seq, window(first, after))
        return Connection[Step].of(
            page,
            node=lambda row: Step.as_of(row, self.seq),
            cursor=ordered_by("NUMBER"),
            count=lambda: executions.step_count(db, self.row, self.seq),
        )

    @strawberry.field(
        description="The same events, in the same order, with the same cursors as `executionStream`."
    )
    async def events(
        self, info: Info, first: int | None = 100, after: str | None = strawberry.UNSET
    ) -> EventConnection:
        page = await executions.event_page(info.context.services.db, self.row, or_none(first), or_none(after))
        return EventConnection(stream=self.row.id, page=page)

    @strawberry.field(description="How many runs go first; null unless QUEUED.")
    async def queue_position(self, info: Info) -> int | None:
        if self.status is not Status.QUEUED:
            return None
        return await executions.queue_position(info.context.services.db, self.row)

    @strawberry.field(description="Where its stream stands now.")
    def cursor(self) -> str:
        return Cursor(self.row.id, self.seq).encode()


@strawberry.type
class Interrupt(Node):
    reason: InterruptReason
    prompt: str
    tool_name: str | None
    arguments: JSON | None
    response_schema: JSON | None = strawberry.field(
        description="JSON Schema that `value` or `arguments` must satisfy."
    )
    status: InterruptStatus
    decision: Decision | None
    answer: JSON | None = strawberry.field(description="The `arguments` or the `value` of the answer.")
    comment: str | None
    answered_at: datetime | None
    expires_at: datetime = strawberry.field(
        description="Always set: an unanswered interrupt ends the run with INPUT_EXPIRED."
    )
    created_at: datetime
    row: strawberry.Private[InterruptRow | InterruptFacts]

    @classmethod
    def of(cls, row: InterruptRow | InterruptFacts) -> Interrupt:
        return cls(
            id=typeid(Kind.INTERRUPT, row.id),
            reason=InterruptReason(row.reason),
            prompt=row.prompt,
            tool_name=row.tool_name,
            arguments=json_or_null(row.arguments),
            response_schema=json_or_null(row.response_schema),
            status=InterruptStatus(row.status),
            decision=None if row.decision is None else Decision(row.decision),
            answer=json_or_null(row.answer),
            comment=row.comment,
            answered_at=row.answered_at,
            expires_at=row.expires_at,
            created_at=row.created_at,
            row=row,
        )

    @classmethod
    def as_of(cls, row: InterruptRow, seq: int) -> Interrupt:
        """The interrupt as its run's log knew it at `seq`."""
        interrupt = cls.of(row)
        if row.closed_seq is not None and row.closed_seq > seq:
            interrupt.status = InterruptStatus.OPEN
            interrupt.decision = interrupt.answer = interrupt.comment = interrupt.answered_at = None
        return interrupt

    @strawberry.field
    async def execution(self, info: Info) -> Execution:
        row = await info.context.load(executions.executions_by_ids, self.row.execution_id)
        if row is None:
            raise NotFound
        return Execution.of(row)

    @strawberry.field
    async def step(self, info: Info) -> Step | None:
        if self.row.step_id is None:
            return None
        row = await info.context.load(executions.steps_by_ids, self.row.step_id)
        return None if row is None else Step.of(row)


async def execution_connection(
    info: Info, filters: dict[str, object], within: Window
) -> Connection[Execution]:
    """The viewer's runs that the filters let through, newest first."""
    db, user_id = info.context.services.db, info.context.user_id
    page = await executions.execution_page(db, user_id, filters, within)
    return Connection[Execution].of(
        page,
        node=Execution.of,
        cursor=ordered_by("CREATED_AT"),
        count=lambda: executions.execution_count(db, user_id, filters),
    )


def _progress(row: ExecutionRow) -> Progress | None:
    if row.progress_at is None:
        return None
    return Progress(percent=row.progress_percent, message=row.progress_message, at=row.progress_at)


def _milliseconds(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else round((end - start).total_seconds() * 1_000)
