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
    """Collects a selection's fields in their order; those that take more than a look get a place.

    It goes field by field, for all objects together: what is to be looked up or checked is so once.
    """

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._lines: list[str] = []
        self._variables: list[str] = []
        self._names: dict[str, Any] = dict(NAMES)
        self._reads_rows = False
        self._reads_objects = False

    def constant(self, key: str, value: str) -> None:
        """Always the same."""
        self._entries.append(f"{key!r}: {value!r}")

    def place(self, key: str) -> None:
        """Filled in later."""
        self._entries.append(f"{key!r}: None")

    def leaf(self, key: str, field: StrawberryField, kind: GraphQLLeafType, nullable: bool) -> None:
        """A scalar or an enum."""
        values = self._read(key, field)
        if isinstance(kind, GraphQLEnumType):
            names = enum_names(kind) | ({None: None} if nullable else {})
            self._lines.append(f"{values} = map({self._named(names)}.__getitem__, {values})")
            return
        other = is_other(kind, "v")
        null = "v is not None and " if nullable else ""
        if_any = "" if other is None else f"if [v for v in {values} if {null}({other})]: "
        self._lines.append(f"{if_any}{values} = {self._each(writer(kind, nullable), values)}")

    def written(self, key: str, field: StrawberryField, write: Write) -> None:
        """Something else, made into JSON by this function."""
        values = self._read(key, field)
        self._lines.append(f"{values} = {self._each(write, values)}")

    def function(self) -> Project:
        """What was collected, compiled: for many objects."""
        rows = [f"rows = [source.{ROW} for source in sources]"] if self._reads_rows else []
        return self._compiled("sources", rows)

    def of_rows(self) -> Project | None:
        """The same for the rows of many objects; None where something is not read off them."""
        return None if self._reads_objects else self._compiled("rows", ["sources = rows"])

    def _compiled(self, argument: str, before: list[str]) -> Project:
        # It holds our own names, and response keys, which are names too: GraphQL allows no other.
        lines = [f"def project({argument}):", *before, *self._lines, f"return {self._json()}"]
        exec("\n ".join(lines), self._names)  # noqa: S102
        return self._names["project"]

    def of_one(self) -> Write:
        """The same for one object."""
        project = self.function()
        return lambda source: project([source])[0]

    def _json(self) -> str:
        item, names = f"{{{', '.join(self._entries)}}}", ", ".join(self._variables)
        return f"[{item} for {names}, in zip({names})]" if names else f"[{item} for _ in sources]"

    def _read(self, key: str, field: StrawberryField) -> str:
        """The variable that holds the field's values, as they stand in the answer under this key."""
        variable = f"v{len(self._variables)}"
        self._variables.append(variable)
        self._lines.append(f"{variable} = {self._values(field)}")
        self._entries.append(f"{key!r}: {variable}")
        return variable

    def _values(self, field: StrawberryField) -> str:
        """Read off the objects' rows where it was declared so, else an attribute of theirs."""
        reading = reading_of(field.metadata, field.python_name)
        if reading is None:
            self._reads_objects = True
            return f"[source.{field.python_name} for source in sources]"
        self._reads_rows = True
        values = "rows" if reading.column is None else f"[row.{reading.column} for row in rows]"
        if reading.convert_all is not None:
            return f"{self._named(reading.convert_all)}({values})"
        return values if reading.convert is None else self._each(reading.convert, values)

    def _each(self, change: Write, values: str) -> str:
        return f"[*map({self._named(change)}, {values})]"

    def _named(self, value: Any) -> str:
        name = f"known{len(self._names)}"
        self._names[name] = value
        return name
