"""What can go wrong in a caller's hands. A class's docstring is its message; `code` is its name for machines.

A `Problem` is an answer: mutations return it as a member of their union. A `RequestError` ends the
operation and stands in the top-level `errors`. Anything else is a fault of ours and is masked.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class BatonError(Exception):
    """Something the caller can act on."""

    code: ClassVar[str] = "ERROR"

    def __init__(self, message: str | None = None) -> None:
        self.message = message or inspect.cleandoc(self.__doc__ or "")
        super().__init__(self.message)


class CannotListen(BatonError):
    """The address cannot be listened on."""

    code = "CANNOT_LISTEN"


class Problem(BatonError):
    """The mutation was understood and not carried out."""

    path: tuple[str, ...] | None

    def __init__(self, message: str | None = None, path: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.path = path


class NotFound(Problem):
    """There is no such object, or it isn't yours."""

    code = "NOT_FOUND"


@dataclass(frozen=True)
class Issue:
    """One problem of an input, and where it lies."""

    path: tuple[str, ...]
    message: str


class InvalidInput(Problem):
    """The input is not valid."""

    code = "INVALID_INPUT"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(issues[0].message if len(issues) == 1 else None, issues[0].path)
        self.issues = issues


class IdempotencyConflict(Problem):
    """This idempotency key was used before with a different input."""

    code = "IDEMPOTENCY_CONFLICT"


class IdempotencyInFlight(Problem):
    """The first request with this idempotency key is still being carried out."""

    code = "IDEMPOTENCY_IN_FLIGHT"
    retry_after_ms: ClassVar[int] = 1_000


class VersionConflict(Problem):
    """The object changed since you read it."""

    code = "VERSION_CONFLICT"

    def __init__(self, current_version: int) -> None:
        super().__init__(path=("input", "expectedVersion"))
        self.current_version = current_version


class InvalidCredentials(Problem):
    """The credentials are not valid."""

    code = "INVALID_CREDENTIALS"


class EmailTaken(Problem):
    """There is an account with this email address already."""

    code = "EMAIL_TAKEN"


class ExecutionActive(Problem):
    """The execution has not ended yet."""

    code = "EXECUTION_ACTIVE"

    def __init__(self, active: object) -> None:
        super().__init__()
        self.active = active


class AlreadyAnswered(Problem):
    """Somebody has answered this before, and differently."""

    code = "ALREADY_ANSWERED"

    def __init__(self, interrupt: object, path: tuple[str, ...]) -> None:
        super().__init__(path=path)
        self.interrupt = interrupt


class InterruptExpired(Problem):
    """The time to answer this is over, and so is its run."""

    code = "INTERRUPT_EXPIRED"


class RequestError(BatonError):
    """The operation cannot be carried out as it was asked."""

    status: ClassVar[int] = 200
    "The HTTP status where the whole request is refused with it."

    @property
    def extensions(self) -> dict[str, object]:
        """What a program reads beside the message."""
        return {"code": self.code}


class BadRequest(RequestError):
    """The request is not a well-formed GraphQL request."""

    code = "BAD_REQUEST"
    status = 400


class BadUserInput(RequestError):
    """An argument is not valid."""

    code = "BAD_USER_INPUT"


class InvalidId(BadUserInput):
    """This is not an id of the kind that is asked for."""

    code = "INVALID_ID"


class InvalidCursor(RequestError):
    """The cursor does not belong here."""

    code = "INVALID_CURSOR"


class FutureCursor(RequestError):
    """The cursor is ahead of the log."""

    code = "FUTURE_CURSOR"


class Unauthenticated(RequestError):
    """Sign in: the access token is missing, expired or not valid."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(RequestError):
    """The access token is not good for this."""

    code = "FORBIDDEN"
    status = 403

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = list(missing)
        super().__init__(f"The access token lacks the scope {' '.join(self.missing)}.")

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "missingScopes": self.missing}


class CostLimitExceeded(RequestError):
    """The operation may bring too much at once: ask for smaller pages."""

    code = "COST_LIMIT_EXCEEDED"

    def __init__(self, requested: int, limit: int) -> None:
        super().__init__(
            f"The operation costs {requested:,} points; {limit:,} are allowed. Ask for smaller pages."
        )
        self.requested, self.limit = requested, limit

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "cost": {"requested": self.requested, "limit": self.limit}}


class RateLimited(RequestError):
    """Too much was asked for in the last minute: wait a little."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, retry_after_ms: int, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "retryAfterMs": self.retry_after_ms}


class OperationTimeout(RequestError):
    """The operation took too long and was stopped."""

    code = "TIMEOUT"


class Unavailable(RequestError):
    """The database cannot be reached at the moment; try again."""

    code = "UNAVAILABLE"
    status = 503


class LeaseLost(Exception):
    """Another worker holds this run now: nothing more may be written by this one."""
