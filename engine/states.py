"""The state machine of a run: its states, what moves it, what each of them allows. Pure: no row, no clock.

Every change of a run's status asks `after` what becomes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum, StrEnum


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
    SUMMARY = "SUMMARY"
    "The model was asked to summarise what of its conversation is too long to be told."


class StepStatus(StrEnum):
    """Where a step stands."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


class Effect(StrEnum):
    """What a repeated call of a tool would do: decides what happens to one whose outcome nobody knows."""

    PURE = "PURE"
    READ = "READ"
    IDEMPOTENT_WRITE = "IDEMPOTENT_WRITE"
    NON_IDEMPOTENT = "NON_IDEMPOTENT"

    @property
    def may_repeat(self) -> bool:
        """Whether the same call may be made again, with the same effect key."""
        return self is not Effect.NON_IDEMPOTENT

    @property
    def may_overlap(self) -> bool:
        """Whether calls of one turn may run side by side."""
        return self in {Effect.PURE, Effect.READ}


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

LIVE = frozenset(Status) - TERMINAL
"What has not ended."

SETTLED = TERMINAL | {Status.AWAITING_INPUT}
"What does not go on by itself."


class StartProblem(StrEnum):
    """Why a schedule's tick started no run."""

    AGENT_ARCHIVED = "AGENT_ARCHIVED"
    INVALID_INPUT = "INVALID_INPUT"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class Hands(Enum):
    """Whether a worker holds the run under a lease."""

    HELD = "a worker holds it"
    FREE = "nobody holds it"


class Cause(StrEnum):
    """What moves a run."""

    DUE = "DUE"
    "The time has come before which it was not to start."
    CLAIM = "CLAIM"
    "A worker takes it."
    HAND_BACK = "HAND_BACK"
    "Its worker goes away in good order."
    LOSS = "LOSS"
    "Its worker let the lease run out."
    EXHAUSTION = "EXHAUSTION"
    "Its worker let the lease run out, in the last attempt."
    ASK = "ASK"
    "Its worker parks it until a person answers."
    WAIT = "WAIT"
    "Its worker parks it until its children have ended."
    RESUME = "RESUME"
    "What it was parked for is there."
    CANCEL = "CANCEL"
    "Somebody asks it to stop."
    CANCEL_BELOW = "CANCEL_BELOW"
    "Somebody asks it to stop, and first those that it has started."
    STOP = "STOP"
    "It has stopped as it was asked: by its worker's word, or because nobody holds it any more."
    COMPLETE = "COMPLETE"
    "It has its answer."
    FAIL = "FAIL"
    "It cannot go on, or not in time."


_S = Status
_STOPPED = {_S.CANCELLING: _S.CANCELLED}
"Whatever its worker had to say: a run that was asked to stop stops."

HELD_MOVES: Mapping[Cause, Mapping[Status, Status]] = {
    Cause.HAND_BACK: {_S.RUNNING: _S.QUEUED, **_STOPPED},
    Cause.LOSS: {_S.RUNNING: _S.QUEUED, **_STOPPED},
    Cause.EXHAUSTION: {_S.RUNNING: _S.FAILED, **_STOPPED},
    Cause.ASK: {_S.RUNNING: _S.AWAITING_INPUT, **_STOPPED},
    Cause.WAIT: {_S.RUNNING: _S.RUNNING, **_STOPPED},
    Cause.CANCEL: {_S.RUNNING: _S.CANCELLING, _S.CANCELLING: _S.CANCELLING},
    Cause.STOP: _STOPPED,
    Cause.COMPLETE: {_S.RUNNING: _S.COMPLETED, **_STOPPED},
    Cause.FAIL: {_S.RUNNING: _S.FAILED, **_STOPPED},
}
"What becomes of a run that a worker holds. After all but CANCEL nobody holds it."

FREE_MOVES: Mapping[Cause, Mapping[Status, Status]] = {
    Cause.DUE: {_S.SCHEDULED: _S.QUEUED},
    Cause.CLAIM: {_S.QUEUED: _S.RUNNING},
    Cause.RESUME: {_S.AWAITING_INPUT: _S.QUEUED, _S.RUNNING: _S.QUEUED},
    Cause.WAIT: {_S.AWAITING_INPUT: _S.RUNNING},
    # A run that waits for its children stops after them.
    Cause.CANCEL_BELOW: {_S.AWAITING_INPUT: _S.CANCELLING, _S.RUNNING: _S.CANCELLING},
    Cause.CANCEL: {
        _S.SCHEDULED: _S.CANCELLED,
        _S.QUEUED: _S.CANCELLED,
        _S.AWAITING_INPUT: _S.CANCELLED,
        _S.RUNNING: _S.CANCELLED,
        _S.CANCELLING: _S.CANCELLING,
    },
    Cause.STOP: _STOPPED,
    # A pipeline is carried by nobody.
    Cause.COMPLETE: {_S.RUNNING: _S.COMPLETED, **_STOPPED},
    Cause.FAIL: {
        _S.SCHEDULED: _S.FAILED,
        _S.QUEUED: _S.FAILED,
        _S.AWAITING_INPUT: _S.FAILED,
        _S.RUNNING: _S.FAILED,
        **_STOPPED,
    },
}
"What becomes of a run that nobody holds. After CLAIM a worker holds it."

MOVES: Mapping[Hands, Mapping[Cause, Mapping[Status, Status]]] = {
    Hands.HELD: HELD_MOVES,
    Hands.FREE: FREE_MOVES,
}


class WrongTransition(Exception):
    """This cannot happen to such a run: there is a bug in who asked for it."""


def after(status: Status, hands: Hands, cause: Cause) -> Status:
    """What becomes of a run. Raises WrongTransition where the cause cannot meet it."""
    try:
        return MOVES[hands][cause][status]
    except KeyError:
        raise WrongTransition(f"{cause} meets a run that is {status}, and {hands.value}") from None


def hands_after(hands: Hands, cause: Cause) -> Hands:
    """Whether a worker holds the run once this has happened to it."""
    if cause is Cause.CANCEL:
        return hands
    return Hands.HELD if cause is Cause.CLAIM else Hands.FREE


def loss(attempt: int, max_attempts: int) -> Cause:
    """What the end of a lease means: attempts are counted by leases that ran out, and by nothing else."""
    return Cause.EXHAUSTION if attempt >= max_attempts else Cause.LOSS
