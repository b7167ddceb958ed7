"""The quick part of a selection: one function, written out in Python, that makes the JSON of many objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphql import GraphQLEnumType, GraphQLField, GraphQLLeafType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from edge.plans.leaves import NAMES, Write, enum_names, is_other, writer
from projection import ROW, reading_of

Json: TypeAlias = dict[str, Any]
Project: TypeAlias = Callable[[Sequence[Any]], list[Json]]


def declared(definition: GraphQLField) -> StrawberryField | None:
    """The field as it was declared; None where more than its resolver has a say."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(field, StrawberryField) or field.extensions:
        return None
    if type(field).get_result is not StrawberryField.get_result or field.default_resolver is not getattr:
        return None
    return field


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

    def leaf(self, key: str, field: StrawberryField, kind: GraphQLLeafType, nullable: bool) -> None:
        """A scalar or an enum."""
        variable = self._read(key, field)
        self._lines += self._checked(variable, kind, nullable)

    def written(self, key: str, field: StrawberryField, write: Write) -> None:
        """Something else, made into JSON by this function."""
        variable = self._read(key, field)
        self._lines.append(f"{variable} = {self._named('write', write)}({variable})")

    def function(self) -> Project:
        """What was collected, compiled: for many objects."""
        return self._compiled(
            "def project(sources):",
            " found = []",
            " add = found.append",
            " for source in sources:",
            *(f"  {line}" for line in self._body()),
            f"  add({self._json()})",
            " return found",
        )

    def of_one(self) -> Write:
        """The same for one object."""
        return self._compiled(
            "def project(source):", *(f" {line}" for line in self._body()), f" return {self._json()}"
        )

    def _body(self) -> list[str]:
        row = [f"row = source.{ROW}"] if self._reads_row else []
        return [*row, *self._lines]

    def _json(self) -> str:
        return f"{{{', '.join(self._entries)}}}"

    def _compiled(self, *lines: str) -> Any:
        # It holds our own names, and response keys, which are names too: GraphQL allows no other.
        exec("\n".join(lines), self._names)  # noqa: S102
        return self._names["project"]

    def _read(self, key: str, field: StrawberryField) -> str:
        """The variable that holds the field's value, as it stands in the answer under this key."""
        variable = f"v{len(self._entries)}"
        self._lines.append(f"{variable} = {self._expression(field)}")
        self._entries.append(f"{key!r}: {variable}")
        return variable

    def _expression(self, field: StrawberryField) -> str:
        """Read off the object's row where it was declared so, else an attribute of its own."""
        reading = reading_of(field.metadata, field.python_name)
        if reading is None:
            return f"source.{field.python_name}"
        self._reads_row = True
        value = "row" if reading.column is None else f"row.{reading.column}"
        return value if reading.convert is None else f"{self._named('convert', reading.convert)}({value})"

    def _checked(self, variable: str, kind: GraphQLLeafType, nullable: bool) -> list[str]:
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
