"""The quick part of a selection: one function, written out in Python, that makes the JSON of many objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphql import GraphQLEnumType, GraphQLField, GraphQLLeafType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from edge.plans.leaves import NAMES, Write, enum_names, is_other, writer
from projection import ROW, Reading, reading_of

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

    Many objects are gone through field by field: what is to be looked up or checked is so once for all.
    """

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._variables: list[str] = []
        self._one: list[str] = []
        self._many: list[str] = []
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
        variable = self._read(key, field)
        if isinstance(kind, GraphQLEnumType):
            names = enum_names(kind) | ({None: None} if nullable else {})
            self._change(variable, names.__getitem__)
            return
        other = is_other(kind)
        null = "{v} is not None and " if nullable else ""
        self._change(variable, writer(kind, nullable), other and f"{null}({other})")

    def written(self, key: str, field: StrawberryField, write: Write) -> None:
        """Something else, made into JSON by this function."""
        self._change(self._read(key, field), write)

    def function(self) -> Project:
        """What was collected, compiled: for many objects."""
        rows = [f"rows = [source.{ROW} for source in sources]"] if self._reads_rows else []
        return self._for_many("source", rows, self.of_one())

    def of_rows(self) -> Project | None:
        """The same for the rows of many objects; None where something is not read off them."""
        return None if self._reads_objects else self._for_many("row", [], self._for_one("row", []))

    def of_one(self) -> Write:
        """The same for one object."""
        return self._for_one("source", [f"row = source.{ROW}"] if self._reads_rows else [])

    def _for_one(self, what: str, before: list[str]) -> Write:
        return self._compiled(what, [*before, *self._one, f"return {{{', '.join(self._entries)}}}"])

    def _for_many(self, what: str, before: list[str], of_one: Write) -> Project:
        alone = f"if len({what}s) == 1: return [{self._named(of_one)}({what}s[0])]"
        item, names = f"{{{', '.join(self._entries)}}}", ", ".join(self._variables)
        each = f"for {names}, in zip({names})" if names else f"for _ in {what}s"
        return self._compiled(f"{what}s", [alone, *before, *self._many, f"return [{item} {each}]"])

    def _compiled(self, argument: str, lines: list[str]) -> Any:
        # It holds our own names, and response keys, which are names too: GraphQL allows no other.
        exec("\n ".join([f"def project({argument}):", *lines]), self._names)  # noqa: S102
        return self._names["project"]

    def _read(self, key: str, field: StrawberryField) -> str:
        """The variable that holds the field's value, as it stands in the answer under this key.

        Read off the object's row where it was declared so, else an attribute of its own.
        """
        variable = f"v{len(self._variables)}"
        self._variables.append(variable)
        self._entries.append(f"{key!r}: {variable}")
        reading = reading_of(field.metadata, field.python_name)
        if reading is None:
            self._reads_objects = True
            value = f"source.{field.python_name}"
            values = f"[{value} for source in sources]"
        else:
            self._reads_rows = True
            value, values = self._off_row(reading)
        self._one.append(f"{variable} = {value}")
        self._many.append(f"{variable} = {values}")
        return variable

    def _off_row(self, reading: Reading) -> tuple[str, str]:
        """Off one row, and off many."""
        value = plain = "row" if reading.column is None else f"row.{reading.column}"
        if reading.convert is not None:
            value = f"{self._named(reading.convert)}({plain})"
        if reading.convert_all is not None:
            return value, f"{self._named(reading.convert_all)}([{plain} for row in rows])"
        return value, f"[{value} for row in rows]"

    def _change(self, variable: str, write: Write, condition: str | None = None) -> None:
        """What becomes of a value under this condition for `{v}`; of many where it holds for one of them."""
        name = self._named(write)
        one = many = ""
        if condition is not None:
            one = f"if {condition.format(v=variable)}: "
            many = f"if [v for v in {variable} if {condition.format(v='v')}]: "
        self._one.append(f"{one}{variable} = {name}({variable})")
        self._many.append(f"{many}{variable} = [*map({name}, {variable})]")

    def _named(self, value: Any) -> str:
        name = f"known{len(self._names)}"
        self._names[name] = value
        return name
