"""The kinds of event, each made from the fact that the log holds."""

from __future__ import annotations

from enum import StrEnum

import strawberry

from engine.states import EndReason, Status
from events import kinds
from ids import Kind
from projection import Reading
from schema.columns import column, id_column, off_rows
from schema.event import Event
from schema.steps import Progress, Step
from schema.types import Interrupt, Message, Task


class ChangeKind(StrEnum):
    """What became of an object."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


strawberry.enum(ChangeKind)


def _task(facts: kinds.TaskFacts | None) -> Task | None:
    return None if facts is None else Task.of(facts)


@off_rows
@strawberry.type(description="The run entered a status.")
class ExecutionStatusChanged(Event, tells=kinds.ExecutionStatusChanged):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    status: Status = column()
    end_reason: EndReason | None = column()
    attempt: int = column(description="Goes up when a worker was lost and another takes the run up.")


@off_rows
@strawberry.type(description="A step has begun.")
class StepStarted(Event, tells=kinds.StepStarted):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    step: Step = column(Reading("step", Step.of))


@off_rows
@strawberry.type(description="A step is over, with what came of it.")
class StepFinished(Event, tells=kinds.StepFinished):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    step: Step = column(Reading("step", Step.of))


@off_rows
@strawberry.type(description="How far it is. At most four a second are told, and the last of all always.")
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
    message_id: strawberry.ID = id_column(
        Kind.MESSAGE, "message_id", description="The message that this will be part of."
    )
    offset: int = column(
        description="In code points. At 0 drop what you have of the message: it is begun anew."
    )
    text: str = column(description="Fits exactly behind what you have.")


@off_rows
@strawberry.type(description="A message is whole: from a person, or written by a run.")
class MessageCompleted(Event, tells=kinds.MessageCompleted):
    message: Message = column(Reading("message", Message.of))


@off_rows
@strawberry.type(description="The receipt of a message handed to a running execution.")
class MessageSteered(Event, tells=kinds.MessageSteered):
    execution_id: strawberry.ID = id_column(Kind.EXECUTION, "execution_id")
    message_id: strawberry.ID = id_column(
        Kind.MESSAGE, "message_id", description="The message that the run has heard."
    )


@off_rows
@strawberry.type(description="The run needs a person.")
class InterruptOpened(Event, tells=kinds.InterruptOpened):
    interrupt: Interrupt = column(Reading("interrupt", Interrupt.of))


@off_rows
@strawberry.type(description="It was answered, or its time was over, or its run has ended.")
class InterruptClosed(Event, tells=kinds.InterruptClosed):
    interrupt: Interrupt = column(Reading("interrupt", Interrupt.of))


@off_rows
@strawberry.type(description="A task was created, changed or deleted.")
class TaskChanged(Event, tells=kinds.TaskChanged):
    kind: ChangeKind = column("change", description="What became of it.")
    task_id: strawberry.ID = id_column(Kind.TASK, "task_id")
    task: Task | None = column(Reading("task", _task), description="Null when deleted.")
