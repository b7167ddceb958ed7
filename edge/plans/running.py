"""One run of a plan: whose it is, its variables, and the values that fields wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutine
from types import GeneratorType
from typing import Any, NamedTuple

from graphql.execution.values import VariableValues
from strawberry.execution import optimized_is_awaitable


@dataclass(slots=True, eq=False)
class Run:
    """What the fields of one operation share."""

    context: object
    variables: VariableValues
    kept: dict[str | int, Kept] = field(default_factory=dict[str | int, "Kept"])
    "What the root's resolvers have said, by response key."


class Kept(NamedTuple):
    """What a resolver said: graphql-core takes it for said, if it has to go on from here."""

    value: object = None
    error: Exception | None = None
    was_awaited: bool = False

    def say(self) -> object:
        """Says it again, to be awaited if it was before: who fails first decides what else is told."""
        return self._later() if self.was_awaited else self._now()

    def _now(self) -> object:
        if self.error is not None:
            raise self.error
        return self.value

    async def _later(self) -> object:
        return self._now()


_CAN_WAIT: dict[type, bool] = {GeneratorType: True}
"By class. Of those that are there, none comes to be awaitable later, nor stops to be."


def is_awaitable(value: object) -> bool:
    """As Strawberry has it, looked up once for each class."""
    kind: type[object] = value.__class__
    known = _CAN_WAIT.get(kind)
    if known is None:
        known = _CAN_WAIT[kind] = optimized_is_awaitable(value)
    return known and (kind is not GeneratorType or optimized_is_awaitable(value))


def is_waiting(values: Sequence[object]) -> bool:
    """Whether there is anything to wait for."""
    return any(map(is_awaitable, values))


async def settle(values: Sequence[Any]) -> list[Any]:
    """The values, once all are there. What is under way is awaited in turn, coroutines side by side."""
    coroutines = [value for value in values if iscoroutine(value)]
    if len(coroutines) > 1:
        done = iter(await together(coroutines))
        values = [next(done) if iscoroutine(value) else value for value in values]
    try:
        return [(await value) if is_awaitable(value) else value for value in values]
    except BaseException:
        abandon(values)
        raise


async def together(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Their results. Where one raises, the others are cancelled, and over before this raises."""
    if len(coroutines) == 1:
        return [await coroutines[0]]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in coroutines]
    return [task.result() for task in tasks]


def abandon(values: Sequence[object]) -> None:
    """Nobody will wait for them."""
    for value in values:
        if iscoroutine(value):
            value.close()
