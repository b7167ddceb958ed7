"""Every document of the test-suite, answered by plan and by graphql-core: the same answer."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pytest
from graphql import OperationDefinitionNode, OperationType, type_from_ast
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.hostile.operations import SCHEMA, plain
from tests.hostile.people import Person
from tests.plans.collecting import documents
from tests.plans.meaning import Meant
from tests.plans.roads import Roads

pytestmark = pytest.mark.anyio

_FLEETING = re.compile(rb"[a-z]+_[0-9a-hjkmnp-tv-z]{26}|\d{4}-\d\d-\d\dT[\d:.]+Z|m[0-9a-f]{32}|task \d+")
_OF_ONE_ALONE = re.compile(r"@@theirs \w+ \d@@|@@mine (cursor|token) \d@@")
_MEASURED = {"confirmToken", "executionTimeMs", "queuePosition"}
ONLY_ONCE = {"signUp", "signIn", "refreshSession", "signOut"}
"What leaves nobody the same as before."

LEFT = """{
  tasks(first: 100) { totalCount nodes { number title priority completed version executions { totalCount } } }
  executions(first: 100) { totalCount nodes { input status metadata } }
}"""

_in_turn = settings(
    max_examples=6,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture(autouse=True)
def _found() -> None:
    """Other modules are imported for it, which must not happen while hypothesis draws."""
    for kind in (OperationType.QUERY, OperationType.MUTATION):
        documents(kind)


def test_there_are_documents() -> None:
    """The search finds them."""
    assert len(documents(OperationType.QUERY)) > 30
    assert len(documents(OperationType.MUTATION)) > 20


@st.composite
def asked(draw: Any, kind: OperationType) -> list[tuple[str, dict[str, Any]]]:
    """Every document of this kind, with a value for each of its variables."""
    return [(text, _variables(draw, operation)) for text, operation in documents(kind)]


@_in_turn
@given(queries=asked(OperationType.QUERY))
async def test_every_query_has_one_answer(
    people: tuple[Person, Person], roads: Roads, queries: list[tuple[str, dict[str, Any]]]
) -> None:
    """To the byte, with variables and without, for a user and for nobody."""
    ada, _ = people
    for text, variables in queries:
        await roads.agree(ada.user.id, text, filled(ada, variables))
        await roads.agree(None, text, filled(ada, variables))
        await roads.agree(ada.user.id, text)
    assert roads.taken.plan > roads.taken.unfinished / 4


@_in_turn
@given(mutations=asked(OperationType.MUTATION))
async def test_every_mutation_does_and_says_the_same(
    people: tuple[Person, Person], roads: Roads, mutations: list[tuple[str, dict[str, Any]]]
) -> None:
    """For two users with the same past: one is served by plans, the other without."""
    ada, bob = people
    for text, variables in mutations:
        if any(name in text for name in ONLY_ONCE):
            continue
        planned = await roads.planned.answer(ada.user.id, text, filled(ada, variables))
        unplanned = await roads.plain.answer(bob.user.id, text, filled(bob, variables))
        assert settled_facts(planned) == settled_facts(unplanned), f"{text}\n{variables}"
        await roads.agree(None, text, filled(ada, variables))
    theirs = [await roads.plain.answer(person.user.id, LEFT) for person in people]
    assert settled_facts(theirs[0]) == settled_facts(theirs[1])


def _variables(draw: Any, operation: OperationDefinitionNode) -> dict[str, Any]:
    writer = Meant(draw)
    found: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        found[name] = plain(writer.value(type_from_ast(SCHEMA, definition.type), name))  # type: ignore
    return found


def filled(person: Person, given: dict[str, Any]) -> dict[str, Any]:
    """Placeholders made into what the person knows, and two people with the same past have in common."""
    return json.loads(person._fill(_OF_ONE_ALONE.sub("~", json.dumps(given))))


def settled_facts(answer: bytes) -> Any:
    """The answer without what differs from user to user and from moment to moment."""
    return _without(orjson.loads(_FLEETING.sub(b"~", answer)))


def _without(value: Any) -> Any:
    match value:
        case dict():
            return {key: _fact(key, item) for key, item in value.items()}
        case list():
            return [_without(item) for item in value]
        case _:
            return value


def _fact(key: str, value: Any) -> Any:
    fleeting = key in _MEASURED or key.lower().endswith("cursor")
    return "~" if fleeting and value is not None else _without(value)
