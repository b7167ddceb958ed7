"""What a field's values become: each shape completes the values of many objects at once, in their order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Any

from edge.plans.leaves import Bail, Write
from edge.plans.projecting import Json, Project, Projection
from edge.plans.resolving import Resolver
from edge.plans.running import Run, abandon, is_waiting, settle, together
from projection import Each


class Shape(ABC):
    """A type of output, as one selection asks for it."""

    nullable: bool
    quick = True
    "Whether there is nothing in it that may have to be waited for."
    project_rows: Project | None = None
    "Completes what holds rows by these rows alone, where they are all that it needs."

    async def complete(self, values: Sequence[Any], run: Run) -> list[Any]:
        """Their JSON. Raises Bail for a null that must not be."""
        there = [value for value in values if value is not None]
        if len(there) == len(values):
            return await self._completed(there, run)
        if not self.nullable:
            raise Bail
        done = iter(await self._completed(there, run))
        return [None if value is None else next(done) for value in values]

    @abstractmethod
    async def _completed(self, values: list[Any], run: Run) -> list[Any]: ...


class Leaf(Shape):
    """A scalar or an enum."""

    def __init__(self, write: Write, nullable: bool) -> None:
        self._write, self.nullable = write, nullable

    async def _completed(self, values: list[Any], run: Run) -> list[Any]:  # noqa: ARG002
        return [self._write(value) for value in values]


class Many(Shape):
    """A list: what all lists hold is completed together."""

    def __init__(self, of: Shape, nullable: bool) -> None:
        self._of, self.nullable, self.quick = of, nullable, of.quick

    async def _completed(self, values: list[Any], run: Run) -> list[Any]:
        if any(value.__class__ not in (list, tuple, Each) for value in values):
            raise Bail
        if self._of.project_rows is not None and all(_hold_rows(value) for value in values):
            return _cut(self._of.project_rows(_joined([value.rows for value in values])), values)
        return _cut(await self._of.complete(_joined(values), run), values)


def _hold_rows(value: object) -> bool:
    return type(value) is Each and value.hold_rows


def _joined(lists: Sequence[Sequence[Any]]) -> Sequence[Any]:
    return lists[0] if len(lists) == 1 else [item for one in lists for item in one]


def _cut(done: list[Any], lists: Sequence[Sequence[Any]]) -> list[Any]:
    """As long as the lists were before they were joined."""
    ends = [0, *accumulate(map(len, lists))]
    return [done[start:end] for start, end in pairwise(ends)] if len(lists) > 1 else [done]


class OneOf(Shape):
    """An interface or a union: objects are told apart by their class."""

    def __init__(self, kinds: Mapping[type, Object], nullable: bool) -> None:
        self._kinds, self.nullable = kinds, nullable
        self.quick = all(kind.quick for kind in kinds.values())

    async def _completed(self, values: list[Any], run: Run) -> list[Any]:
        done: list[Any] = [None] * len(values)
        places: dict[type, list[int]] = {}
        for place, value in enumerate(values):
            kind: type[Any] = value.__class__
            places.setdefault(kind, []).append(place)
        for kind, some in places.items():
            if kind not in self._kinds:
                raise Bail
            completed = await self._kinds[kind].complete([values[place] for place in some], run)
            for place, one in zip(some, completed, strict=True):
                done[place] = one
        return done


class Object(Shape):
    """Objects of one type: the quick fields in one go, then the others, each for all objects together."""

    def __init__(self, projection: Projection, branches: Sequence[Branch], nullable: bool) -> None:
        self.project, self.branches, self.nullable = projection.function(), branches, nullable
        self.project_rows = None if branches else projection.of_rows()
        self.quick = all(isinstance(one.source, str) and one.shape.quick for one in branches)

    async def _completed(self, values: list[Any], run: Run) -> list[Any]:
        found = self.project(values)
        if self.branches and values:
            await fill(self.branches, values, found, run)
        return found


class Branch:
    """One field that takes more than a look."""

    def __init__(self, key: str, source: Resolver | str, shape: Shape) -> None:
        self.key, self.source, self.shape = key, source, shape
        self._is_for_all = not isinstance(source, str) and source.is_for_all

    def call(self, run: Run) -> Callable[[Any], Any]:
        """What gives its value for one object (or for all of a list), perhaps something to wait for."""
        return attrgetter(self.source) if isinstance(self.source, str) else self.source.call(run)

    def values(self, sources: Sequence[Any], run: Run) -> list[Any]:
        """Its value for each object, perhaps something to wait for; where they are found for all at once, one
        thing that brings them all."""
        if self._is_for_all:
            return [self.call(run)(sources)]
        values: list[Any] = []
        try:
            values.extend(map(self.call(run), sources))
        except BaseException:
            abandon(values)
            raise
        return values

    async def put(self, values: Sequence[Any], found: Sequence[Json], run: Run) -> None:
        """Complete the values, and put each in its place."""
        if is_waiting(values):
            values = await settle(values)
        if self._is_for_all:
            (values,) = values
        key = self.key
        for one, done in zip(found, await self.shape.complete(values, run), strict=True):
            one[key] = done


async def fill(branches: Sequence[Branch], sources: Sequence[Any], found: Sequence[Json], run: Run) -> None:
    """Put every branch's values in their places. All are asked before any is waited for."""
    asked: list[tuple[Branch, list[Any]]] = []
    try:
        for branch in branches:
            asked.append((branch, branch.values(sources, run)))
    except BaseException:
        for _, values in asked:
            abandon(values)
        raise
    waiting: list[Coroutine[Any, Any, None]] = []
    try:
        for branch, values in asked:
            if branch.shape.quick and not is_waiting(values):
                await branch.put(values, found, run)
            else:
                waiting.append(branch.put(values, found, run))
    except BaseException:
        for _, values in asked:
            abandon(values)
        abandon(waiting)
        raise
    if waiting:
        await together(waiting)
