"""The kinds of event, each made from the fact that the log holds."""

from __future__ import annotations

import strawberry

from engine.states import EndReason, Status
from events import kinds
from ids import Kind
from projection import Reading
from schema.columns import column, id_column, off_rows
from schema.event import Event
from schema.types import ChangeKind, Interrupt, Message, Progress, Step, Task


def _task(facts: kinds.TaskFacts | None) -> Task | None:
    return None if facts is None else Task.of(facts)


@off_rows
@strawberry.type
class ExecutionStatusChanged(Event, tells=kinds.ExecutionStatusChanged):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    status: Status = column()
    end_reason: EndReason | None = column()
    attempt: int = column()


@off_rows
@strawberry.type
class StepStarted(Event, tells=kinds.StepStarted):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    step: Step = column(Reading("step", Step.of))


@off_rows
@strawberry.type
class StepFinished(Event, tells=kinds.StepFinished):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    step: Step = column(Reading("step", Step.of))


@off_rows
@strawberry.type
class ProgressReported(Event, tells=kinds.ProgressReported):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    progress: Progress = column(Progress.of)


@off_rows
@strawberry.type(
    description="A piece of a message that is being written; `offset` counts characters from the start "
    "of the message."
)
class MessageDelta(Event, tells=kinds.MessageDelta):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    message_id: strawberry.ID = id_column(Kind.MESSAGE, "message_id")
    offset: int = column()
    text: str = column()


@off_rows
@strawberry.type(description="A message is whole: from a person, or written by a run.")
class MessageCompleted(Event, tells=kinds.MessageCompleted):
    message: Message = column(Reading("message", Message.of))


@off_rows
@strawberry.type(description="The receipt of a message handed to a running execution.")
class MessageSteered(Event, tells=kinds.MessageSteered):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    message_id: strawberry.ID = id_column(Kind.MESSAGE, "message_id")


@off_rows
@strawberry.type
class InterruptOpened(Event, tells=kinds.InterruptOpened):
    interrupt: Interrupt = column(Reading("interrupt", Interrupt.of))


@off_rows
@strawberry.type
class InterruptClosed(Event, tells=kinds.InterruptClosed):
    interrupt: Interrupt = column(Reading("interrupt", Interrupt.of))


@off_rows
@strawberry.type
class TaskChanged(Event, tells=kinds.TaskChanged):
    kind: ChangeKind = column("change")
    task_id: strawberry.ID = id_column(Kind.TASK, "task_id")
    task: Task | None = column(Reading("task", _task), description="Null when deleted.")
