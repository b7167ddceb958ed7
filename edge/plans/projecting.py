"""The quick part of a selection: one function, written out in Python, that makes the JSON of many objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphql import GraphQLEnumType, GraphQLLeafType

from edge.plans.leaves import NAMES, enum_names, is_other, writer
from projection import ROW, Reading

Json: TypeAlias = dict[str, Any]
Project: TypeAlias = Callable[[Sequence[Any]], list[Json]]


class Projection:
    """Collects a selection's fields in their order; those that take more than a look get a place."""

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._lines: list[str] = []
        self._names: dict[str, Any] = dict(NAMES)
        self._reads_row = False

    def constant(self, key: str, value: str) -> None:
        """Always the same."""
        self._entries.append(f"{key!r}: {value!r}")

    def place(self, key: str) -> None:
        """Filled in later."""
        self._entries.append(f"{key!r}: None")

    def attribute(self, key: str, name: str, kind: GraphQLLeafType, nullable: bool) -> None:
        """The object's own attribute."""
        self._leaf(key, f"source.{name}", kind, nullable)

    def reading(self, key: str, reading: Reading, kind: GraphQLLeafType, nullable: bool) -> None:
        """Read off the object's row."""
        self._reads_row = True
        value = "row" if reading.column is None else f"row.{reading.column}"
        if reading.convert is not None:
            value = f"{self._named('convert', reading.convert)}({value})"
        self._leaf(key, value, kind, nullable)

    def function(self) -> Project:
        """What was collected, compiled."""
        row = [f"row = source.{ROW}"] if self._reads_row else []
        body = [*row, *self._lines, f"add({{{', '.join(self._entries)}}})"]
        lines = [
            "def project(sources):",
            " found = []",
            " add = found.append",
            " for source in sources:",
            *(f"  {line}" for line in body),
            " return found",
        ]
        # It holds our own names, and response keys, which are names too: GraphQL allows no other.
        exec("\n".join(lines), self._names)  # noqa: S102
        return self._names["project"]

    def _leaf(self, key: str, expression: str, kind: GraphQLLeafType, nullable: bool) -> None:
        variable = f"v{len(self._entries)}"
        self._lines.append(f"{variable} = {expression}")
        self._lines += self._written(variable, kind, nullable)
        self._entries.append(f"{key!r}: {variable}")

    def _written(self, variable: str, kind: GraphQLLeafType, nullable: bool) -> list[str]:
        unless_null = f"if {variable} is not None: " if nullable else ""
        if isinstance(kind, GraphQLEnumType):
            names = self._named("names", enum_names(kind))
            return [f"{unless_null}{variable} = {names}[{variable}]"]
        write = self._named("write", writer(kind, nullable))
        condition = is_other(kind, variable)
        if condition is None:
            return [f"{variable} = {write}({variable})"]
        guard = f"{variable} is not None and ({condition})" if nullable else condition
        return [f"if {guard}: {variable} = {write}({variable})"]

    def _named(self, kind: str, value: Any) -> str:
        name = f"{kind}{len(self._names)}"
        self._names[name] = value
        return name
