"""A plan, and how it is carried out: the roots as the standard has it, all else level by level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import OperationType
from graphql.execution.values import VariableValues

from edge.plans.projecting import Json
from edge.plans.running import Kept, Run, is_awaitable, together
from edge.plans.shapes import Branch, Object


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The plan does not know the answer: graphql-core is to find it, without asking these roots again."""

    kept: Mapping[str | int, Callable[[], object]]


class Plan:
    """One operation, ready to be carried out any number of times."""

    def __init__(self, kind: OperationType, root: Object) -> None:
        self._serial = kind is OperationType.MUTATION
        self._project, self._branches = root.project, root.branches

    async def carry_out(self, context: object, variables: VariableValues) -> Json | Unfinished:
        """The `data` of the result. No error of a resolver leaves here: an Unfinished tells of it."""
        run = Run(context, variables)
        try:
            return await self._data(run)
        except Exception:
            return Unfinished({key: kept.say for key, kept in run.kept.items()})

    async def _data(self, run: Run) -> Json:
        found = self._project([None])
        if self._serial:
            for branch in self._branches:
                await _root(branch, found, run)
        else:
            await together([_root(branch, found, run) for branch in self._branches])
        return found[0]


async def _root(branch: Branch, found: Sequence[Json], run: Run) -> None:
    await branch.put(await _said(branch, run), found, run)


async def _said(branch: Branch, run: Run) -> list[Any]:
    """What the root's resolver says, kept whether good or bad. Bad arguments are not its word."""
    call = branch.call(run)
    is_later = False
    try:
        value = call(None)
        is_later = is_awaitable(value)
        if is_later:
            value = await value
    except Exception as error:
        run.kept[branch.key] = Kept(error=error, was_awaited=is_later)
        raise
    run.kept[branch.key] = Kept(value, was_awaited=is_later)
    return [value]
