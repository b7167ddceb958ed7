"""How a mutation runs: one transaction, opened and committed here; problems become answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar, cast
from uuid import UUID

import strawberry

import errors
import ids
from db.session import Session
from ids import Kind
from resolvers.idempotency import Call, Effect, once
from schema.arguments import or_none
from schema.context import Info
from schema.problems import UserError, member

T = TypeVar("T")
S = TypeVar("S")
P = TypeVar("P", bound=UserError)


async def mutate(
    info: Info,
    call: Call,
    effect: Effect[T],
    answer: Callable[[T, bool], S],
    *problems: type[P],
) -> S | P:
    """Carry out an effect once for its key; `answer(outcome, replayed)` builds the success."""

    async def work(session: Session) -> tuple[T, bool]:
        return await once(session, user_id, call, effect)

    user_id = info.context.user_id
    try:
        outcome, replayed = await info.context.services.db.transact(user_id, work)
    except errors.Problem as problem:
        return member(problem, problems)
    return answer(outcome, replayed)


async def attempt(work: Awaitable[S], *problems: type[P]) -> S | P:
    """For what opens its transactions itself: its outcome, or the problem it raised."""
    try:
        return await work
    except errors.Problem as problem:
        return member(problem, problems)


def given(asked: Any, *names: str) -> dict[str, object]:
    """Those of an input's fields that were not left out."""
    values = ((name, getattr(asked, name)) for name in names)
    return {name: value for name, value in values if value is not strawberry.UNSET}


def input_id(kind: Kind, text: str, *path: str) -> UUID:
    """The id at this path of the input, `id` where none is given. Raises InvalidInput."""
    try:
        return ids.decode(kind, text)
    except errors.InvalidId as error:
        raise errors.InvalidInput([errors.Issue(("input", *(path or ("id",))), error.message)]) from None


def call_of(info: Info, mutation: str, given: Any) -> Call:
    """The call that an input object makes; its own key goes before the header's. Without one the rest of the
    input does not matter."""
    key = or_none(getattr(given, "idempotency_key", None))
    if key is None:
        key = info.context.idempotency_key
    if key is None:
        return Call(mutation, None, None)
    fields = plain(given)
    fields.pop("idempotency_key", None)
    return Call(mutation, fields, key)


def plain(value: Any) -> Any:
    """An input as JSON-able data; fields that were left out stay out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(item) for name, item in pairs if item is not strawberry.UNSET}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list):
        return [plain(item) for item in cast("list[object]", value)]
    return value
