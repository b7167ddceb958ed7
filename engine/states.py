"""What states a run knows and which may follow which. Pure: no row, no clock."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Priority(IntEnum):
    """What goes first; stored as a number so that it can be ordered by."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Status(StrEnum):
    """Where a run stands."""

    SCHEDULED = "SCHEDULED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    AWAITING_INPUT = "AWAITING_INPUT"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class EndReason(StrEnum):
    """Why a run ended."""

    FINAL_ANSWER = "FINAL_ANSWER"
    MAX_STEPS = "MAX_STEPS"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    TOOL_ERROR = "TOOL_ERROR"
    MODEL_ERROR = "MODEL_ERROR"
    ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
    EFFECT_UNKNOWN = "EFFECT_UNKNOWN"
    INPUT_EXPIRED = "INPUT_EXPIRED"
    CANCELLED_BY_USER = "CANCELLED_BY_USER"
    SUPERSEDED = "SUPERSEDED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class StepKind(StrEnum):
    """What a step does."""

    THINKING = "THINKING"
    TOOL_CALL = "TOOL_CALL"
    FINAL_ANSWER = "FINAL_ANSWER"


class StepStatus(StrEnum):
    """Where a step stands."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


class InterruptReason(StrEnum):
    """Why a run needs a person."""

    TOOL_APPROVAL = "TOOL_APPROVAL"
    QUESTION = "QUESTION"
    BUDGET = "BUDGET"
    EFFECT_VERIFICATION = "EFFECT_VERIFICATION"


class InterruptStatus(StrEnum):
    """Where an interrupt stands."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Decision(StrEnum):
    """What a person says to an interrupt."""

    APPROVE = "APPROVE"
    EDIT = "EDIT"
    DENY = "DENY"
    RESPOND = "RESPOND"


DECISIONS: dict[InterruptReason, frozenset[Decision]] = {
    InterruptReason.TOOL_APPROVAL: frozenset({Decision.APPROVE, Decision.EDIT, Decision.DENY}),
    InterruptReason.QUESTION: frozenset({Decision.RESPOND, Decision.DENY}),
    InterruptReason.BUDGET: frozenset({Decision.APPROVE, Decision.EDIT, Decision.DENY}),
    InterruptReason.EFFECT_VERIFICATION: frozenset({Decision.APPROVE, Decision.RESPOND, Decision.DENY}),
}
"Which decisions answer which reason."

TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
"Written once; nothing follows."

HELD = frozenset({Status.RUNNING, Status.CANCELLING})
"A worker holds the run under a lease."

FOLLOWS: dict[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.QUEUED, Status.CANCELLED}),
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset(
        {Status.QUEUED, Status.AWAITING_INPUT, Status.CANCELLING, Status.COMPLETED, Status.FAILED}
    ),
    Status.AWAITING_INPUT: frozenset({Status.QUEUED, Status.CANCELLED, Status.FAILED}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}


class WrongTransition(Exception):
    """A run cannot go from the one state to the other: there is a bug in who asked for it."""


def check_transition(before: Status, after: Status) -> None:
    """Raises WrongTransition unless the one may follow the other."""
    if after not in FOLLOWS[before]:
        raise WrongTransition(f"{before} to {after}")


def after_cancel(status: Status) -> Status:
    """What becomes of a live run that is asked to stop: only one that a worker holds must be waited for."""
    return Status.CANCELLING if status in HELD else Status.CANCELLED


def after_loss(status: Status, attempt: int, max_attempts: int) -> Status:
    """What becomes of a held run whose worker let its lease run out."""
    if status is Status.CANCELLING:
        return Status.CANCELLED
    return Status.FAILED if attempt >= max_attempts else Status.QUEUED
