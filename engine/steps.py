"""A step in a worker's hands: the value that its row and its events are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from db.steps import StepRow
from engine.states import Effect, StepKind, StepStatus
from events.kinds import StepFacts


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call of a model took. Cost in US dollars; None where the price is not known."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0
    cost: float | None = 0.0


def total(usages: Sequence[Usage]) -> Usage:
    """All of them together; the price is known where each one's is."""
    costs = [usage.cost for usage in usages]
    return Usage(
        sum(usage.input_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        sum(usage.requests for usage in usages),
        None if None in costs else sum(cost for cost in costs if cost is not None),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went: a result, a text, or an error for people and models to read."""

    result: Any = None
    text: str | None = None
    error: str | None = None
    is_unknown: bool = False
    "Begun, and nobody can say whether it took effect."

    @property
    def status(self) -> StepStatus:
        """COMPLETED, unless there is an error or nobody knows."""
        if self.is_unknown:
            return StepStatus.UNKNOWN
        return StepStatus.COMPLETED if self.error is None else StepStatus.FAILED


UNKNOWN = Outcome(error="It was called, and nobody knows whether it took effect.", is_unknown=True)


def tries_before(effect: Effect | None) -> int:
    """What the row of a call says that was not made yet: what may not be made twice is 0 until it is made."""
    return 1 if effect is None or effect.may_repeat else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step as it is to stand. `number` counts from 1 within its run."""

    id: UUID
    execution_id: UUID
    number: int
    kind: StepKind
    status: StepStatus = StepStatus.RUNNING
    tool_name: str | None = None
    call_id: str | None = None
    input: dict[str, Any] | None = None
    result: Any = None
    text: str | None = None
    error: str | None = None
    model_message: Any = None
    usage: Usage | None = None
    attempt: int
    tries: int = 1
    "Calls of the model or tool so far; 0: its row is there and the call was not made yet."
    effect: Effect | None = None
    "Of a call beyond our own rows: what a repeated one would do, as its tool said when it was begun."
    started_at: datetime
    finished_at: datetime | None = None

    @classmethod
    def of(cls, row: StepRow) -> Step:
        """A step as its row stands."""
        usage = None
        if row.input_tokens is not None:
            usage = Usage(row.input_tokens, row.output_tokens or 0, 1, row.cost)
        return cls(
            id=row.id,
            execution_id=row.execution_id,
            number=row.number,
            kind=StepKind(row.kind),
            status=StepStatus(row.status),
            tool_name=row.tool_name,
            call_id=row.call_id,
            input=row.input,
            result=row.result,
            text=row.text,
            error=row.error,
            model_message=row.model_message,
            usage=usage,
            attempt=row.attempt,
            tries=row.tries,
            effect=None if row.effect is None else Effect(row.effect),
            started_at=row.started_at,
            finished_at=row.finished_at,
        )

    @property
    def has_ended(self) -> bool:
        """Whether it has its outcome."""
        return self.status in {StepStatus.COMPLETED, StepStatus.FAILED}

    @property
    def is_hidden(self) -> bool:
        """Whether its call was made, may not be repeated, and nobody knows what came of it."""
        if self.status is StepStatus.RUNNING:
            return self.tries > 0 and self.effect is not None and not self.effect.may_repeat
        return self.status is StepStatus.UNKNOWN

    @property
    def has_spoken(self) -> bool:
        """Whether something that the model said in it may have been told."""
        return self.kind is StepKind.THINKING and (self.text is not None or not self.has_ended)

    def ended(self, outcome: Outcome, at: datetime) -> Step:
        """The same step with its outcome."""
        return replace(
            self,
            status=outcome.status,
            result=outcome.result,
            text=self.text if outcome.text is None else outcome.text,
            error=outcome.error,
            finished_at=at,
        )

    def facts(self) -> StepFacts:
        """What an event tells of it."""
        return StepFacts(
            id=self.id,
            execution_id=self.execution_id,
            number=self.number,
            kind=self.kind.value,
            status=self.status.value,
            tool_name=self.tool_name,
            input=self.input,
            result=self.result,
            text=self.text,
            error=self.error,
            attempt=self.attempt,
            tries=self.tries,
            started_at=self.started_at,
            finished_at=self.finished_at,
        )
