"""A tool: a name, the JSON that it takes, and what a call of it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from db.connection import Session
from engine.journal import Outcome
from errors import InvalidInput, Issue

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """A tool whose effect is rows of ours: it commits together with its step, exactly once.

    `call(session, user_id, arguments)` answers JSON; it never commits. What it raises as a Problem
    fails the step, and nothing of it remains.
    """

    name: str
    description: str
    arguments: type[A]
    call: Callable[[Session, UUID, A], Awaitable[dict[str, Any]]]

    def work(self, user_id: UUID, given: dict[str, Any] | None) -> Callable[[Session], Awaitable[Outcome]]:
        """The call with these arguments, as a step's work. Raises InvalidInput when it is carried out."""

        async def work(session: Session) -> Outcome:
            return Outcome(result=await self.call(session, user_id, self.read(given)))

        return work

    def read(self, given: dict[str, Any] | None) -> A:
        """The arguments from JSON. Raises InvalidInput."""
        try:
            return self.arguments.model_validate(given or {})
        except ValidationError as error:
            issues = [Issue(tuple(map(str, e["loc"])), e["msg"]) for e in error.errors()]
            raise InvalidInput(issues) from None


AnyTool: TypeAlias = Tool[Any]
