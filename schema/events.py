"""The kinds of event, each made from the fact that the log holds."""

from __future__ import annotations

from datetime import datetime

import strawberry

from engine.states import EndReason, Status
from events import kinds
from ids import Kind
from schema.event import Event
from schema.types import ChangeKind, Interrupt, Progress, Step, Task, typeid


@strawberry.type
class ExecutionStatusChanged(Event, tells=kinds.ExecutionStatusChanged):
    execution_id: strawberry.ID
    status: Status
    end_reason: EndReason | None
    attempt: int

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.ExecutionStatusChanged) -> ExecutionStatusChanged:
        return cls(
            seq=seq,
            at=at,
            execution_id=typeid(Kind.EXECUTION, fact.execution_id),
            status=Status(fact.status),
            end_reason=None if fact.end_reason is None else EndReason(fact.end_reason),
            attempt=fact.attempt,
        )


@strawberry.type
class StepStarted(Event, tells=kinds.StepStarted):
    execution_id: strawberry.ID
    step: Step

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.StepStarted) -> StepStarted:
        return cls(
            seq=seq, at=at, execution_id=typeid(Kind.EXECUTION, fact.execution_id), step=Step.of(fact.step)
        )


@strawberry.type
class StepFinished(Event, tells=kinds.StepFinished):
    execution_id: strawberry.ID
    step: Step

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.StepFinished) -> StepFinished:
        return cls(
            seq=seq, at=at, execution_id=typeid(Kind.EXECUTION, fact.execution_id), step=Step.of(fact.step)
        )


@strawberry.type
class ProgressReported(Event, tells=kinds.ProgressReported):
    execution_id: strawberry.ID
    progress: Progress

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.ProgressReported) -> ProgressReported:
        run = typeid(Kind.EXECUTION, fact.execution_id)
        return cls(seq=seq, at=at, execution_id=run, progress=Progress.of(fact))


@strawberry.type
class InterruptOpened(Event, tells=kinds.InterruptOpened):
    interrupt: Interrupt

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.InterruptOpened) -> InterruptOpened:
        return cls(seq=seq, at=at, interrupt=Interrupt.of(fact.interrupt))


@strawberry.type
class InterruptClosed(Event, tells=kinds.InterruptClosed):
    interrupt: Interrupt

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.InterruptClosed) -> InterruptClosed:
        return cls(seq=seq, at=at, interrupt=Interrupt.of(fact.interrupt))


@strawberry.type
class TaskChanged(Event, tells=kinds.TaskChanged):
    kind: ChangeKind
    task_id: strawberry.ID
    task: Task | None = strawberry.field(description="Null when deleted.")

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.TaskChanged) -> TaskChanged:
        return cls(
            seq=seq,
            at=at,
            kind=ChangeKind(fact.change),
            task_id=typeid(Kind.TASK, fact.task_id),
            task=None if fact.task is None else Task.of(fact.task),
        )
