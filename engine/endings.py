"""Why a run leaves its worker's hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.states import Cause, EndReason


@dataclass(frozen=True, slots=True)
class Ending:
    """What happens to a run, and what its row says of it."""

    cause: Cause
    reason: EndReason | None = None
    result: Any = None
    error: str | None = None


STOPPED = Ending(Cause.STOP)
HANDED_BACK = Ending(Cause.HAND_BACK)
LOST = Ending(Cause.LOSS)
EXHAUSTED = Ending(
    Cause.EXHAUSTION,
    EndReason.ATTEMPTS_EXHAUSTED,
    error="Every attempt ended with the loss of its worker.",
)
LATE = Ending(Cause.FAIL, EndReason.DEADLINE_EXCEEDED, error="It was not finished by its deadline.")
BROKEN = Ending(Cause.FAIL, EndReason.INTERNAL_ERROR, error="Something went wrong on our side.")


def asked_to_stop(reason: EndReason, *, waits: bool) -> Ending:
    """Somebody wants it to stop; with `waits` those that it has started stop before it."""
    return Ending(Cause.CANCEL_BELOW if waits else Cause.CANCEL, reason)


def answered(result: object, reason: EndReason = EndReason.FINAL_ANSWER) -> Ending:
    """It has its answer; JSON."""
    return Ending(Cause.COMPLETE, reason, result=result)


def failed(reason: EndReason, error: str) -> Ending:
    """It cannot go on; `error` is for people to read."""
    return Ending(Cause.FAIL, reason, error=error)
