"""The kinds of event, each made from the fact that the log holds."""

from __future__ import annotations

from datetime import datetime

import strawberry

from engine.states import EndReason, Status
from events import kinds
from ids import Kind
from schema.event import Event
from schema.types import ChangeKind, Interrupt, Message, Progress, Step, Task, typeid


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


@strawberry.type(
    description="A piece of a message that is being written; `offset` counts characters from the start "
    "of the message."
)
class MessageDelta(Event, tells=kinds.MessageDelta):
    execution_id: strawberry.ID
    message_id: strawberry.ID
    offset: int
    text: str

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.MessageDelta) -> MessageDelta:
        return cls(
            seq=seq,
            at=at,
            execution_id=typeid(Kind.EXECUTION, fact.execution_id),
            message_id=typeid(Kind.MESSAGE, fact.message_id),
            offset=fact.offset,
            text=fact.text,
        )


@strawberry.type(description="A message is whole: from a person, or written by a run.")
class MessageCompleted(Event, tells=kinds.MessageCompleted):
    message: Message

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.MessageCompleted) -> MessageCompleted:
        return cls(seq=seq, at=at, message=Message.of(fact.message))


@strawberry.type(description="The receipt of a message handed to a running execution.")
class MessageSteered(Event, tells=kinds.MessageSteered):
    execution_id: strawberry.ID
    message_id: strawberry.ID

    @classmethod
    def of(cls, seq: int, at: datetime, fact: kinds.MessageSteered) -> MessageSteered:
        return cls(
            seq=seq,
            at=at,
            execution_id=typeid(Kind.EXECUTION, fact.execution_id),
            message_id=typeid(Kind.MESSAGE, fact.message_id),
        )


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
