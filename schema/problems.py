"""Problems a caller can act on, as members of the mutations' unions."""

from __future__ import annotations

from typing import Any, Self, TypeVar

import strawberry

import errors


@strawberry.interface(
    description="A problem the caller can act on. Every mutation result that is not a success implements it."
)
class UserError:
    """Made from the error of the same name."""

    code: str = strawberry.field(description="Stable and machine-readable, e.g. NOT_FOUND.")
    message: str = strawberry.field(description="One sentence for a person.")
    path: list[str] | None = strawberry.field(
        description='Where in the input the problem lies, e.g. ["input", "title"].'
    )

    @classmethod
    def of(cls, problem: Any) -> Self:
        """The member that tells of a raised problem."""
        return cls(**common(problem))


def common(problem: errors.Problem) -> dict[str, Any]:
    """The fields that every problem has."""
    path = None if problem.path is None else list(problem.path)
    return {"code": problem.code, "message": problem.message, "path": path}


P = TypeVar("P", bound=UserError)


@strawberry.type(description="Absent, or another user's: the two cannot be told apart.")
class NotFound(UserError):
    pass


@strawberry.type(description="One thing that is wrong with the input.")
class InputIssue:
    path: list[str] = strawberry.field(description='From the argument on, e.g. ["input", "title"].')
    message: str


@strawberry.type(description="The input breaks a rule; nothing was done.")
class InvalidInput(UserError):
    issues: list[InputIssue] = strawberry.field(description="Every problem found, not only the first.")

    @classmethod
    def of(cls, problem: errors.InvalidInput) -> Self:
        issues = [InputIssue(path=list(issue.path), message=issue.message) for issue in problem.issues]
        return cls(**common(problem), issues=issues)


@strawberry.type(description="The key was used before with a different input.")
class IdempotencyConflict(UserError):
    pass


@strawberry.type(description="The first request with this key is still being carried out.")
class IdempotencyInFlight(UserError):
    retry_after_ms: int = strawberry.field(description="When asking again makes sense.")

    @classmethod
    def of(cls, problem: errors.IdempotencyInFlight) -> Self:
        return cls(**common(problem), retry_after_ms=problem.retry_after_ms)


@strawberry.type(description="The object changed since the caller read it.")
class VersionConflict(UserError):
    current_version: int = strawberry.field(description="Read the object again, and decide anew.")

    @classmethod
    def of(cls, problem: errors.VersionConflict) -> Self:
        return cls(**common(problem), current_version=problem.current_version)


def input_issue(problem: errors.Problem) -> errors.InvalidInput:
    """A problem that the mutation's union has no member for, told as one of its input."""
    return errors.InvalidInput([errors.Issue(problem.path or ("input",), problem.message)])


def member(problem: errors.Problem, allowed: tuple[type[P], ...]) -> P:
    """The member of a mutation's union that tells of a problem. Raises the problem where none does."""
    for kind in allowed:
        if kind.__name__ == type(problem).__name__:
            return kind.of(problem)
    for kind in allowed:
        if kind.__name__ == InvalidInput.__name__:
            return kind.of(input_issue(problem))
    raise problem
