"""The API reference as Markdown: what the schema says, and what it cannot say: scopes, costs, errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from inspect import cleandoc
from typing import TypeVar, cast

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    Undefined,
    parse,
)
from graphql.type import GraphQLNamedType
from orjson import dumps

import errors
from edge.core import inside
from edge.cost import INTROSPECTION, LIST, MUTATION, OBJECT, PAGE, cost_of, named
from edge.masking import PARSE_FAILED, VALIDATION_FAILED
from schema.root import schema
from schema.scopes import access_to
from scopes import Scope, granted

E = TypeVar("E", bound=errors.BatonError)

_OK = 200
_NO_DEFAULT = (Undefined, None)
_HEAD = f"""\
# API reference

Made by `./baton schema --reference` from the schema: what GraphiQL and introspection show, and what a schema
cannot say. The SDL is [schema.graphql](../schema.graphql); guides are in [docs](README.md).

- **Results.** A mutation answers with a union: its success, or a `UserError` that the caller can act on. What
  ends a whole operation is an [error](#errors).
- **Lists** are Relay connections. `first` or `last` up to 100; {PAGE} when neither is given.
- **Scope** is what a narrowed token needs ([all of them](#scopes)); one without scopes may do all that its
  user may. An object needs the scope of its kind wherever it is reached.
- **Cost** is in points: {OBJECT} for each object that an operation may bring ({PAGE} where a page names no
  size, {LIST} where a list has no pages), {MUTATION} for a mutation, {INTROSPECTION} for introspection. Here
  stands the least; for lists, with `nodes` at that size. `extensions.cost` says what an operation came to,
  `rateLimit` what is left.
"""


def reference() -> str:
    """The whole page."""
    text = "\n".join([_HEAD, *Page(inside(schema)).lines()])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


class Page:
    """What the schema holds, one chapter after another."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema, self._access = schema, access_to(schema)

    def lines(self) -> Iterator[str]:
        """Markdown."""
        roots = [self._schema.query_type, self._schema.mutation_type, self._schema.subscription_type]
        for title, root in zip(("Queries", "Mutations", "Subscriptions"), filter(None, roots), strict=True):
            yield from _chapter(title)
            for name, field in sorted(root.fields.items()):
                yield from self._operation(root, name, field)
        kinds = [kind for name, kind in sorted(self._schema.type_map.items()) if not name.startswith("__")]
        for title, wanted in (
            ("Objects", GraphQLObjectType),
            ("Interfaces", GraphQLInterfaceType),
            ("Unions", GraphQLUnionType),
            ("Inputs", GraphQLInputObjectType),
            ("Enums", GraphQLEnumType),
            ("Scalars", GraphQLScalarType),
        ):
            yield from _chapter(title)
            for kind in kinds:
                if isinstance(kind, wanted) and kind not in roots:
                    yield from self._kind(kind)
        yield from _errors()
        yield from _scopes()

    def _operation(self, root: GraphQLObjectType, name: str, field: GraphQLField) -> Iterator[str]:
        yield from (f"### {root.name}.{name}", "", field.description or "", "")
        scopes = " ".join(f"`{scope}`" for scope in sorted(self._access.get(f"{root.name}.{name}", ())))
        kind, cost = cast("object", field.type), self._cost(root, name, field)
        yield f"{_type(kind)} · scope: {scopes or 'none'} · cost: {cost}"
        if isinstance(union := named(kind), GraphQLUnionType):
            yield ""
            yield from _told("One of", union.types)
        yield from _table(("argument", "type", "default", ""), (_given(*one) for one in field.args.items()))

    def _cost(self, root: GraphQLObjectType, name: str, field: GraphQLField) -> int:
        kind = named(cast("object", field.type))
        has_nodes = "nodes" in getattr(kind, "fields", {})
        inner = "{ nodes { __typename } }" if has_nodes else "{ __typename }"
        verb = {self._schema.mutation_type: "mutation", self._schema.subscription_type: "subscription"}
        (operation,) = parse(f"{verb.get(root, 'query')} {{ {name} {inner} }}").definitions
        assert isinstance(operation, OperationDefinitionNode)
        return cost_of(self._schema, operation, {}).points({})

    def _kind(self, kind: GraphQLNamedType) -> Iterator[str]:
        yield from (f"### {kind.name}", "")
        if kind.description:
            yield from (kind.description, "")
        match kind:
            case GraphQLObjectType() | GraphQLInterfaceType():
                yield from _told("Implements", kind.interfaces)
                if isinstance(kind, GraphQLInterfaceType):
                    yield from _told("Implemented by", self._schema.get_possible_types(kind))
                yield from _table(("field", "type", ""), (_shown(*one) for one in kind.fields.items()))
            case GraphQLUnionType():
                yield from _told("One of", kind.types)
            case GraphQLInputObjectType():
                yield from _table(
                    ("field", "type", "default", ""), (_given(*one) for one in kind.fields.items())
                )
            case GraphQLEnumType():
                rows = ((f"`{name}`", value.description or "") for name, value in kind.values.items())
                yield from _table(("value", ""), rows)
            case _:
                pass


def _chapter(title: str) -> Iterable[str]:
    return (f"## {title}", "")


def _told(what: str, kinds: Iterable[GraphQLNamedType]) -> Iterator[str]:
    if named := ", ".join(_link(kind) for kind in kinds):
        yield from (f"{what} {named}.", "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        yield from ("", f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines)
    yield ""


def _given(name: str, given: GraphQLArgument | GraphQLInputField) -> tuple[str, ...]:
    """An argument or a field of an input, as a row."""
    default = "" if given.default_value in _NO_DEFAULT else f"`{_plain(given.default_value)}`"
    return f"`{name}`", _type(cast("object", given.type)), default, given.description or ""


def _plain(default: object) -> str:
    return default.name if isinstance(default, Enum) else dumps(default).decode()


def _shown(name: str, field: GraphQLField) -> tuple[str, ...]:
    """A field of an object, as a row; its arguments behind its name."""
    arguments = f"({', '.join(field.args)})" if field.args else ""
    return f"`{name}{arguments}`", _type(cast("object", field.type)), field.description or ""


def _type(kind: object) -> str:
    name = named(kind).name
    return str(kind).replace(name, _link(named(kind))).replace("[[", "[ [")


def _link(kind: GraphQLNamedType) -> str:
    return f"[{kind.name}](#{kind.name.lower()})"


def _errors() -> Iterator[str]:
    yield from _chapter("Errors")
    yield from (
        "What ends an operation is in `errors`, with `extensions.code`; where a whole request is refused,",
        f"with an HTTP status. `{PARSE_FAILED}` and `{VALIDATION_FAILED}`: the document is not",
        "GraphQL, or not for this schema. `INTERNAL`: a bug of ours, told without its insides;",
        "`extensions.correlationId` finds it in the logs.",
    )
    refused = (
        (f"`{kind.code}`", "" if kind.status == _OK else str(kind.status), _says(kind))
        for kind in _below(errors.RequestError)
    )
    yield from _table(("code", "status", ""), refused)
    yield "What the caller can act on is a member of the mutation's union, and a `UserError`."
    members = (
        (f"`{kind.code}`", f"[{kind.__name__}](#{kind.__name__.lower()})", _says(kind))
        for kind in _below(errors.Problem)
    )
    yield from _table(("code", "type", ""), members)


def _below(kind: type[E]) -> list[type[E]]:
    """What is derived from it in `errors`, by code."""
    found = (one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, kind))
    return sorted((one for one in found if one is not kind), key=lambda one: one.code)


def _says(kind: type[errors.BatonError]) -> str:
    return cleandoc(kind.__doc__ or "").partition("\n\n")[0]


def _scopes() -> Iterator[str]:
    yield from _chapter("Scopes")
    yield "`./baton token --scope …`, or the claim `scope` of an issuer's token."
    rows = ((f"`{one}`", " ".join(f"`{other}`" for other in sorted(granted([one]) - {one}))) for one in Scope)
    yield from _table(("scope", "includes"), rows)
