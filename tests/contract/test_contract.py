"""Our schema says what the contract says, and the committed SDL says what our schema says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    print_ast,
)
from graphql.utilities import print_schema

from reference import reference
from schema.root import schema
from tests.contract.not_built import NOT_BUILT

HERE = Path(__file__).parent
COMMITTED = HERE.parent.parent / "schema.graphql"


def facts(schema: GraphQLSchema) -> dict[str, str]:
    """Everything that an SDL promises: a name for each, and its shape."""
    return dict(_facts(schema))


def _facts(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        yield name, type(kind).__name__
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", "value") for value in kind.values)
        if isinstance(kind, GraphQLUnionType):
            yield from ((f"{name}={member.name}", "member") for member in kind.types)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from ((f"{name}:{one.name}", "interface") for one in kind.interfaces)
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", str(field.type)
                for arg_name, arg in field.args.items():
                    yield f"{name}.{field_name}({arg_name})", f"{arg.type}{_default(arg)}"
        if isinstance(kind, GraphQLInputObjectType):
            yield f"{name}!", f"oneOf {kind.is_one_of}"
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", f"{field.type}{_default(field)}"


def _default(argument: GraphQLArgument | GraphQLInputField) -> str:
    node = argument.ast_node
    return f" = {print_ast(node.default_value)}" if node and node.default_value else ""


def is_not_built(name: str) -> bool:
    return any(
        name == one or name.startswith((f"{one}.", f"{one}(", f"{one}=", f"{one}:", f"{one}!"))
        for one in NOT_BUILT
    )


ours = facts(build_schema(schema.as_str()))
promised = facts(build_schema((HERE / "contract.graphql").read_text()))


def test_everything_promised_is_there_in_its_shape() -> None:
    """Every type, field, argument and enum value of the contract is ours, but for what is not built yet."""
    wrong = [
        f"{name}: {ours.get(name, 'missing')}, promised {shape}"
        for name, shape in promised.items()
        if ours.get(name) != shape and not is_not_built(name)
    ]

    assert wrong == []


def test_what_is_not_built_is_really_missing() -> None:
    """The list of what is missing names nothing that is there: it shrinks as the house grows."""
    assert [name for name in NOT_BUILT if ours.get(name) == promised[name]] == []


def test_nothing_required_is_asked_beyond_the_contract() -> None:
    """Every operation that is valid by the contract is valid here: what we add can be left out."""
    demanded = [
        name
        for name, shape in ours.items()
        if name not in promised and name.rpartition(".")[0].endswith("Input") and shape.endswith("!")
    ]

    assert demanded == []


def test_the_committed_sdl_is_the_code() -> None:
    """`schema.graphql` is what `./baton schema` prints."""
    assert COMMITTED.read_text() == schema.as_str() + "\n"
    assert print_schema(build_schema(COMMITTED.read_text()))


def test_the_committed_reference_is_the_code() -> None:
    """`docs/reference.md` is what `./baton schema --reference` prints."""
    assert (HERE.parent.parent / "docs" / "reference.md").read_text() == reference()


def test_everything_says_what_it_is() -> None:
    """Fields, arguments and values; and types, but for those whose field has said it. See `schema.words`."""
    assert [name for name, said in _descriptions(build_schema(schema.as_str())) if not said] == []


def _descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    spoken_for = re.compile(r"Query|Mutation|Subscription|\w+(Result|Success|Input|Connection|Edge)")
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if not spoken_for.fullmatch(name):
            yield name, kind.description
        for value_name, value in (kind.values if isinstance(kind, GraphQLEnumType) else {}).items():
            yield f"{name}.{value_name}", value.description
        for field_name, field in getattr(kind, "fields", {}).items():
            yield f"{name}.{field_name}", field.description
            for argument_name, argument in getattr(field, "args", {}).items():
                yield f"{name}.{field_name}({argument_name})", argument.description
