"""What the tests of the guard share: documents for every field, and tokens for some of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_composite_type,
)

from edge.core import inside
from resolvers.users import ensure_user
from schema.root import schema
from scopes import Scope, granted
from tests.api import Api
from tests.client import Client

SCHEMA = inside(schema)
ROOTS = {
    f"{root.name}.{name}": field
    for root in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    if root
    for name, field in root.fields.items()
}


def document(coordinate: str) -> str:
    """The smallest valid operation that asks for a root field."""
    root, _, name = coordinate.partition(".")
    field = ROOTS[coordinate]
    given = ", ".join(
        f"{one}: {literal(argument.type)}"
        for one, argument in field.args.items()
        if isinstance(argument.type, GraphQLNonNull)
    )
    selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    return f"{root.lower()} {{ {name}{f'({given})' if given else ''}{selection} }}"


def literal(kind: Any) -> str:
    """A value of this type, as short as can be."""
    match kind:
        case GraphQLNonNull():
            return literal(kind.of_type)
        case GraphQLList():
            return "[]"
        case GraphQLEnumType():
            return next(iter(kind.values))
        case GraphQLInputObjectType():
            return "{" + ", ".join(_fields(kind)) + "}"
        case _:
            return {"Int": "1", "Float": "1", "Boolean": "true"}.get(kind.name, '"x"')


def _fields(kind: GraphQLInputObjectType) -> Iterator[str]:
    fields = {name: one for name, one in kind.fields.items() if isinstance(one.type, GraphQLNonNull)}
    if kind.extensions["strawberry-definition"].is_one_of:
        name, field = next(iter(kind.fields.items()))
        fields = {name: field}
    yield from (f"{name}: {literal(field.type)}" for name, field in fields.items())


async def narrowed(
    api: Api, *scopes: Scope, email: str = "ada@example.com", seconds: int | None = None
) -> Client:
    """The user, with a token for these scopes only, which streams outlive by nothing."""
    row = await ensure_user(api.services.db, email)
    token, _ = api.services.tokens.issue(row.id, scopes=scopes, seconds=seconds)
    return api.anonymous.as_(token)


async def answered(client: Client, document: str) -> dict[str, Any]:
    """The answer, or the first one where it comes as an event stream."""
    accept = "text/event-stream" if document.startswith("subscription") else "application/json"
    response = await client.post(document, {"accept": accept})
    data = [line for line in response.text.splitlines() if line.startswith("data: ")]
    return json.loads(data[0].removeprefix("data: ")) if data else response.json()


def codes(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


def without(scope: Scope) -> Iterable[Scope]:
    """All others, but for what includes it."""
    return [one for one in Scope if scope not in granted([one])]
