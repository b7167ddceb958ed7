"""What a run tells of its work: steps, progress, usage."""

from __future__ import annotations

from datetime import datetime

import strawberry

from db.executions import ExecutionRow
from db.steps import StepRow
from engine.states import StepKind, StepStatus
from events.kinds import ProgressReported, StepFacts
from ids import Kind
from resolvers.snapshots import step_as_of
from schema.columns import column, id_column, off_rows
from schema.node import Node
from schema.scalars import JSON

strawberry.enum(StepKind)
strawberry.enum(StepStatus)


@off_rows
@strawberry.type(description="Something that a run has done: a thought, a call of a tool, its answer.")
class Step(Node):
    id: strawberry.ID = id_column(Kind.STEP)
    number: int = column(description="From 1, without holes.")
    kind: StepKind = column()
    status: StepStatus = column()
    tool_name: str | None = column(description="With TOOL_CALL.")
    input: JSON | None = column(description="With TOOL_CALL: the arguments.")
    result: JSON | None = column(description="With TOOL_CALL: what the tool answered.")
    text: str | None = column(description="With THINKING and FINAL_ANSWER: what the model said.")
    error: str | None = column(description="What went wrong; the model has read it.")
    attempt: int = column(description="Which attempt of the run carried it out.")
    tries: int = column(description="Calls of the model or the tool, with those that failed for a moment.")
    started_at: datetime = column()
    finished_at: datetime | None = column(description="Null while it is RUNNING.")
    duration_ms: int | None = column(
        lambda row: _milliseconds(row.started_at, row.finished_at), description="Null while it is RUNNING."
    )
    row: strawberry.Private[StepRow | StepFacts]

    @classmethod
    def of(cls, row: StepRow | StepFacts) -> Step:
        return cls(row=row)

    @classmethod
    def as_of(cls, row: StepRow, seq: int) -> Step:
        """The step as the run's log knew it at `seq`."""
        return cls(row=step_as_of(row, seq))


@strawberry.type(description="How far a run is.")
class Progress:
    percent: float | None = strawberry.field(
        description="0 to 100, never falling within an attempt; null when unknown, never invented."
    )
    message: str | None = strawberry.field(description="What it is at, in its own words.")
    at: datetime

    @classmethod
    def of(cls, fact: ProgressReported) -> Progress:
        return cls(percent=fact.percent, message=fact.message, at=fact.at)

    @classmethod
    def of_run(cls, row: ExecutionRow) -> Progress | None:
        if row.progress_at is None:
            return None
        return cls(percent=row.progress_percent, message=row.progress_message, at=row.progress_at)


@off_rows
@strawberry.type(description="What models have used.")
class Usage:
    input_tokens: int = column(description="Tokens that models have read.")
    output_tokens: int = column(description="Tokens that models have written.")
    requests: int = column(description="Calls of a model.")
    cost: float | None = column(description="US dollars; null when the model's price is not known.")
    row: strawberry.Private[ExecutionRow]

    @classmethod
    def of(cls, row: ExecutionRow) -> Usage:
        return cls(row=row)


def _milliseconds(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else round((end - start).total_seconds() * 1_000)
