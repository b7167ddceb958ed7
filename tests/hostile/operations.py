"""Random operations that are valid by the schema, with values that are anything but well meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
)
from hypothesis import strategies as st

from edge.core import inside
from schema.root import schema
from tests.hostile import values
from tests.hostile.values import Word

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]

SCHEMA = inside(schema)
DEPTH = 4
_MOST_ALIASES = 26
_NAME = re.compile(r"[_a-zA-Z]\w*", re.ASCII)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Boolean": st.booleans(),
    "DateTime": values.instants,
    "Float": values.floats,
    "JSON": values.json_values,
}

_NOUNS = ("toolserver", "execution", "conversation", "agent", "schedule")
"Kinds of object beside tasks, as the names of root fields have them."
_MEANT = {"taskId": "task", "agentId": "agent", "subagentIds": "agent", "conversationId": "conversation"}

OUTCOMES = {
    "createTask": "... on CreateTaskSuccess { task { id } }",
    "updateTask": "",
    "deleteTask": "... on DeleteTaskSuccess { id deleted }",
    "askTaskAgent": "... on TaskAgentAnswer { outcome metadata { intent } tasks { id } }",
    "createAgent": "",
    "updateAgent": "",
    "archiveAgent": "",
    "createSchedule": "",
    "deleteSchedule": "",
    "registerToolServer": "",
    "removeToolServer": "",
    "sendMessage": "... on SendMessageSuccess { execution { id } }",
    "createConversation": "",
    "updateConversation": "",
    "deleteConversation": "",
    "startExecution": "... on StartExecutionSuccess { execution { id } }",
    "cancelExecution": "",
    "retryExecution": "... on StartExecutionSuccess { execution { id children { id } } }",
    "startPipeline": "... on StartExecutionSuccess { execution { id children { id } } }",
    "answerInterrupts": "",
    "signUp": "",
    "signIn": "",
    "refreshSession": "",
}
"What each mutation is asked beside the random fields, so that its effect can be accounted for."


@dataclass(frozen=True)
class Operation:
    """What is sent, with placeholders, and which response key stands for which root field."""

    document: str
    variables: dict[str, Any]
    roots: dict[str, str]
    is_mutation: bool
    key: str | None = None

    def body(self, fill: Callable[[str], str]) -> str:
        """The JSON of the request."""
        return fill(json.dumps({"query": self.document, "variables": self.variables}))


class Writer:
    """Writes one operation."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._variables: dict[str, tuple[str, Any]] = {}
        self._fragments: list[str] = []
        self._aliases = 0
        self._is_within_list = False
        self._likely = "task"
        "The kind of object that ids are asked for, by the name of the root field."

    def operation(self, *, is_mutation: bool | None = None) -> Operation:
        """Of either kind where nothing is said."""
        if is_mutation is None:
            is_mutation = self._draw(st.booleans())
        root = SCHEMA.mutation_type if is_mutation else SCHEMA.query_type
        assert root is not None
        names = self._draw(st.lists(_root_names(root), min_size=1, max_size=3))
        roots = {f"r{number}": name for number, name in enumerate(names)}
        selections = [self._root(alias, name, root) for alias, name in roots.items()]
        head = ", ".join(f"${name}: {type_}" for name, (type_, _) in self._variables.items())
        kind = "mutation" if is_mutation else "query"
        text = f"{kind} {'(' + head + ')' if head else ''} {{ {' '.join(selections)} }}"
        document = "\n".join([text, *self._fragments])
        given = {name: value for name, (_, value) in self._variables.items()}
        key = self._draw(_headers) if is_mutation and len(roots) == 1 else None
        return Operation(document, given, roots, is_mutation, key)

    def _root(self, alias: str, name: str, root: GraphQLObjectType) -> str:
        field = root.fields[name]
        self._likely = next((kind for kind in _NOUNS if kind in name.lower()), "task")
        wanted = OUTCOMES.get(name, "") if root is SCHEMA.mutation_type else ""
        selection = self._selection(field, DEPTH - 1, wanted)
        return f"{alias}: {name}{self._arguments(field, often=True)}{selection}"

    def _arguments(self, field: GraphQLField, often: bool = False) -> str:
        chance = st.integers(0, 3).map(bool) if often else st.booleans()
        given = {
            name: self._argument(argument.type, name)
            for name, argument in field.args.items()
            if isinstance(argument.type, GraphQLNonNull) or self._draw(chance)
        }
        return f"({', '.join(f'{name}: {text}' for name, text in given.items())})" if given else ""

    def _argument(self, type_: Any, name: str) -> str:
        """As a literal in the document, or as a variable."""
        value = self.value(type_, name)
        if self._draw(st.booleans()) and (text := literal(value)) is not None:
            return text
        variable = f"v{len(self._variables)}"
        self._variables[variable] = (str(type_), plain(value))
        return f"${variable}"

    def value(self, type_: Any, name: str) -> Any:
        """A value of this type, as bad as can be."""
        if isinstance(type_, GraphQLNonNull):
            return self._present(type_.of_type, name)
        return None if self._draw(st.integers(0, 9)) == 9 else self._present(type_, name)

    def _present(self, type_: Any, name: str) -> Any:
        match type_:
            case GraphQLList():
                return self._list(type_.of_type, name)
            case GraphQLEnumType():
                return Word(self._draw(st.sampled_from(sorted(type_.values))))
            case GraphQLInputObjectType():
                return self._object(type_)
            case GraphQLScalarType():
                return self._draw(self._scalar(type_.name, name))
            case _:
                raise TypeError(type_)

    def _list(self, of_type: Any, name: str) -> list[Any]:
        """Long only where no list is around it: lists within lists multiply."""
        sizes = (0, 1, 1, 2, 3) if self._is_within_list else (0, 1, 1, 2, 3, 100, 101, 1_000)
        size = self._draw(st.sampled_from(sizes))
        around, self._is_within_list = self._is_within_list, True
        some = [self.value(of_type, name) for _ in range(min(size, 3))]
        self._is_within_list = around
        return (some * size)[:size] if some else []

    def _scalar(self, type_: str, name: str) -> st.SearchStrategy[Any]:
        if type_ == "ID":
            return values.ids(_MEANT.get(name, self._likely))
        if type_ == "Int":
            return values.waits if name.endswith("Ms") else values.integers
        if type_ == "String":
            return values.strings(name)
        return _SCALARS[type_]

    def _object(self, type_: GraphQLInputObjectType) -> dict[str, Any]:
        if is_one_of(type_):
            name = self._draw(st.sampled_from(sorted(type_.fields)))
            return {name: self._present(get_named_type(type_.fields[name].type), name)}
        return {
            name: self.value(field.type, name)
            for name, field in type_.fields.items()
            if _is_required(field) or self._draw(st.integers(0, 2)) == 0
        }

    def _selection(self, field: GraphQLField, depth: int, wanted: str = "") -> str:
        type_ = get_named_type(field.type)
        return f" {{ {wanted} {self._fields(type_, depth)} }}" if is_composite_type(type_) else ""

    def _fields(self, type_: Any, depth: int) -> str:
        if is_abstract_type(type_):
            return self._branches(type_, depth)
        return " ".join(self._object_fields(type_, depth, always_alias=False)) or "__typename"

    def _branches(self, type_: Any, depth: int) -> str:
        """The types that it may be: fields of the same name get different names in the answer."""
        possible = sorted(SCHEMA.get_possible_types(type_), key=lambda one: one.name)
        chosen = self._draw(st.lists(st.sampled_from(possible), max_size=3, unique=True))
        parts = ["__typename"]
        for one in chosen:
            fields = " ".join(self._object_fields(one, depth, always_alias=True)) or "__typename"
            parts.append(self._inline_or_named(one.name, fields))
        return " ".join(parts)

    def _inline_or_named(self, type_: str, fields: str) -> str:
        if self._draw(st.integers(0, 3)):
            return f"... on {type_} {{ {fields} }}"
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {type_} {{ {fields} }}")
        return f"...{name}"

    def _object_fields(self, type_: GraphQLObjectType, depth: int, always_alias: bool) -> list[str]:
        known = [
            name for name, field in type_.fields.items() if depth or is_leaf_type(get_named_type(field.type))
        ]
        if not known:
            return []
        names = self._draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
        found = [self._field(name, type_.fields[name], depth, always_alias) for name in names]
        return [text for text in found if text]

    def _field(self, name: str, field: GraphQLField, depth: int, always_alias: bool) -> str:
        has_alias = always_alias or self._draw(st.integers(0, 4)) == 0
        if has_alias and self._aliases >= _MOST_ALIASES:
            return ""
        alias = ""
        if has_alias:
            self._aliases += 1
            alias = f"a{self._aliases}: "
        return f"{alias}{name}{self._arguments(field)}{self._selection(field, depth - 1)}"


_headers = st.integers(0, 7).flatmap(lambda n: st.none() if n else st.sampled_from(("k", "h", "x" * 256, "")))


@st.composite
def operations(draw: Draw) -> Operation:
    """Any operation."""
    return Writer(draw).operation()


def _root_names(root: GraphQLObjectType) -> st.SearchStrategy[str]:
    """Hashing passwords takes its time by design: what does is asked for less often."""
    names = [name for name in root.fields for _ in range(1 if name.startswith("sign") else 3)]
    return st.sampled_from(names)


def is_one_of(type_: GraphQLInputObjectType) -> bool:
    """Strawberry keeps this to itself: graphql-core would tell a client that it is none."""
    return type_.extensions["strawberry-definition"].is_one_of


def _is_required(field: GraphQLInputField) -> bool:
    return isinstance(field.type, GraphQLNonNull)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case Word(name):
            return name
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def literal(value: Any) -> str | None:
    """A value as a document has it; None where a document cannot say it, or had better not."""
    match value:
        case Word(name):
            return name
        case dict():
            items = {key: literal(item) for key, item in value.items()}
            said = all(item is not None and _NAME.fullmatch(key) for key, item in items.items())
            return "{" + ", ".join(f"{key}: {item}" for key, item in items.items()) + "}" if said else None
        case list():
            found = [literal(item) for item in value]
            said = len(found) < 200 and None not in found
            return "[" + ", ".join(map(str, found)) + "]" if said else None
        case _:
            return json.dumps(value)
