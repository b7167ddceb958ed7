"""Every door of the schema, found in the schema: root fields, the ids they take, requests that fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)

from tests.client import Client
from tests.hostile.operations import SCHEMA, is_one_of

ROOTS = {
    kind: type_
    for kind, type_ in (
        ("query", SCHEMA.query_type),
        ("mutation", SCHEMA.mutation_type),
        ("subscription", SCHEMA.subscription_type),
    )
    if type_ is not None
}
_PLAIN: dict[str, Any] = {
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "DateTime": "2026-03-04T10:00:00Z",
    "JSON": {},
}
_NAMED = {
    "email": "someone@example.com",
    "password": "correct horse battery",
    "cron": "0 9 * * 1",
    "name": "ann",
}
_LEVELS = 2


@dataclass(frozen=True)
class Place:
    """Where a root field takes an id: the way to it leads through arguments and fields of inputs."""

    kind: str
    field: str
    way: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.field}({'.'.join(self.way)})"

    def request(self, id_: str, beside: str | None = None) -> dict[str, Any]:
        """A request with this id in this place, and another, if there is one, in all others it requires."""
        return request(self.kind, self.field, id_, self.way, beside)


def doors() -> list[tuple[str, str]]:
    """Every root field, with the kind of operation that it is for."""
    return [(kind, name) for kind, root in ROOTS.items() for name in root.fields]


def id_places() -> list[Place]:
    """Every place of every root field that takes an id."""
    return [
        Place(kind, name, way)
        for kind, name in doors()
        for argument, definition in ROOTS[kind].fields[name].args.items()
        for way in _ways(definition.type, (argument,))
    ]


def inner_id_arguments() -> list[str]:
    """Arguments of fields below the root that take an id."""
    return [
        f"{type_.name}.{name}({argument})"
        for type_ in SCHEMA.type_map.values()
        if is_object_type(type_) and type_ not in ROOTS.values() and not type_.name.startswith("__")
        for name, field in type_.fields.items()
        for argument, definition in field.args.items()
        if any(_ways(definition.type, (argument,)))
    ]


def request(
    kind: str, name: str, id_: str, way: tuple[str, ...] = (), beside: str | None = None
) -> dict[str, Any]:
    """A request for one root field: what it requires and what is on the way are given, the rest left out."""
    field = ROOTS[kind].fields[name]
    given = {
        argument: _value(definition.type, argument, *_at(argument, id_, way, beside), beside)
        for argument, definition in field.args.items()
        if isinstance(definition.type, GraphQLNonNull) or way[:1] == (argument,)
    }
    head = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    selection = _selection(get_named_type(field.type), _LEVELS)
    call = f"{name}({passed})" if given else name
    document = f"{kind} {f'({head})' if head else ''} {{ {call}{selection} }}"
    return {"query": document, "variables": given}


async def send(user: Client, asked: dict[str, Any], headers: dict[str, str] | None = None) -> httpx2.Response:
    """The whole response; a subscription is asked for as an event stream, and must end by itself."""
    is_stream = asked["query"].lstrip().startswith("subscription")
    accept = {"accept": "text/event-stream" if is_stream else "application/json"}
    return await user.post(asked["query"], accept | (headers or {}), **asked["variables"])


def answers(response: httpx2.Response) -> list[dict[str, Any]]:
    """The answer, or those of an event stream."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        return [response.json()]
    lines = response.text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def codes(response: httpx2.Response) -> list[str]:
    """The codes of all errors."""
    errors = [error for answer in answers(response) for error in answer.get("errors", ())]
    return [error["extensions"]["code"] for error in errors]


def _ways(type_: Any, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    named = get_named_type(type_)
    if named.name == "ID":
        yield way
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            yield from _ways(field.type, (*way, name))


def _at(name: str, id_: str, way: tuple[str, ...], beside: str | None) -> tuple[str, tuple[str, ...]]:
    """The id that is meant for what is called so, and the rest of the way."""
    return (id_, way[1:]) if way[:1] == (name,) else (beside or id_, ())


def _value(type_: Any, name: str, id_: str, way: tuple[str, ...], beside: str | None = None) -> Any:
    match type_:
        case GraphQLNonNull():
            return _value(type_.of_type, name, id_, way, beside)
        case GraphQLList():
            return [_value(type_.of_type, name, id_, way, beside)]
        case GraphQLEnumType():
            return next(iter(type_.values))
        case GraphQLInputObjectType():
            return _object(type_, id_, way, beside)
        case _ if type_.name == "ID":
            return id_
        case _ if type_.name == "String":
            return _NAMED.get(name, "show my tasks")
        case _:
            return _PLAIN[type_.name]


def _object(
    type_: GraphQLInputObjectType, id_: str, way: tuple[str, ...], beside: str | None
) -> dict[str, Any]:
    wanted = [name for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)]
    if is_one_of(type_):
        wanted = [next(iter(type_.fields))]
    if way:
        wanted = [way[0]] if is_one_of(type_) else list({*wanted, way[0]})
    return {
        name: _value(type_.fields[name].type, name, *_at(name, id_, way, beside), beside) for name in wanted
    }


def _selection(type_: Any, levels: int) -> str:
    """Everything there is to be told, so many levels deep."""
    if is_abstract_type(type_):
        members = sorted(SCHEMA.get_possible_types(type_), key=lambda one: one.name)
        branches = [f"... on {one.name} {{ {_fields(one, levels, members)} }}" for one in members]
        return f" {{ __typename {' '.join(branches)} }}"
    return f" {{ __typename {_fields(type_, levels, [type_])} }}" if is_object_type(type_) else ""


def _fields(type_: GraphQLObjectType, levels: int, members: list[GraphQLObjectType]) -> str:
    return (
        " ".join(
            f"{_alias(type_, name, members)}{name}{_selection(get_named_type(field.type), levels - 1)}"
            for name, field in type_.fields.items()
            if is_leaf_type(get_named_type(field.type)) or (levels and name != "executions")
        )
        or "__typename"
    )


def _alias(type_: GraphQLObjectType, name: str, members: list[GraphQLObjectType]) -> str:
    """Members of one union may mean different things by one name."""
    types = {str(one.fields[name].type) for one in members if name in one.fields}
    return f"{type_.name}_{name}: " if len(types) > 1 else ""
