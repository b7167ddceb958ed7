"""What operations cost: about one point for each object that they may bring."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from edge.answers import Failure
from edge.documents import Documents
from settings import Settings
from tests.guard.parts import SCHEMA
from tests.hostile.operations import Operation, operations

DOCUMENTS = Documents(SCHEMA, Settings())
PAGE = "query ($n: Int, $with: Boolean = true) { tasks(first: $n) { nodes @include(if: $with) { id } } }"


def cost(document: str, **variables: Any) -> int:
    return DOCUMENTS.operation(document, None).demand.cost.points(variables)


@pytest.mark.parametrize(
    ("document", "points"),
    [
        ("{ viewer { id name } }", 1),
        ("{ viewer { id } again: viewer { id } }", 2),
        ("{ tasks { nodes { id title } } }", 1 + 50),
        ("{ tasks { edges { cursor node { id } } pageInfo { endCursor } } }", 1 + 50 + 1),
        ("{ tasks(first: 10) { nodes { id } totalCount } }", 1 + 10),
        ("{ tasks(last: 7) { nodes { id } } }", 1 + 7),
        ("{ tasks(first: null) { nodes { id } } }", 1 + 50),
        ("{ tasks(first: 10) { nodes { executions(first: 5) { nodes { steps { nodes { id } } } } } } }",
         1 + 10 * (1 + 1 + 5 * (1 + 1 + 50))),
        ("{ execution(id: 1) { events { nodes { seq } } } }", 1 + 1 + 100),
        ("{ tasks(first: 2000000000) { nodes { id } } }", 1 + 1_000),
        ("{ tasks(first: -1) { nodes { id } } }", 1),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ("{ tasks { ...F } } fragment F on TaskConnection { nodes { id } }", 1 + 50),
        ("{ ... on Query { tasks { ... { nodes { id } } } } }", 1 + 50),
        ("{ tasks @skip(if: true) { nodes { id } } viewer { id } }", 1),
        ("{ tasks @include(if: true) { nodes { id } } }", 1 + 50),
        ("{ __schema { types { name fields { name } } } }", 100),
        ("{ __typename }", 0),
        ('mutation { createTask(input: {title: "a"}) { ... on CreateTaskSuccess { task { id } } } }',
         10 + 1 + 1),
        ("mutation { a: signOut(input: {refreshToken: 1}) { signedOut } __typename }", 10 + 1 + 10),
    ],
)  # fmt: skip
def test_lists_multiply_by_their_size(document: str, points: int) -> None:
    """By `first` or `last`, a default, the default page, or the ids that are given."""
    assert cost(document.replace("id: 1", 'id: "1"').replace("Token: 1", 'Token: "1"')) == points


@pytest.mark.parametrize(
    ("variables", "points"),
    [
        ({}, 51),
        ({"n": 10}, 11),
        ({"n": None}, 51),
        ({"n": "ten"}, 51),
        ({"n": True}, 51),
        ({"n": 10**30}, 1_001),
        ({"n": 10, "with": False}, 1),
        ({"n": 10, "with": None}, 11),
    ],
)
def test_variables_that_shape_it_are_put_in(variables: dict[str, Any], points: int) -> None:
    """Whatever they are: those of the wrong type are refused later."""
    assert cost(PAGE, **variables) == points


def test_a_variable_has_its_own_default() -> None:
    document = (
        "query ($n: Int = 3, $ids: [ID!]!) { tasks(first: $n) { nodes { id } } nodes(ids: $ids) { id } }"
    )
    assert cost(document, ids=["a", "b"]) == 1 + 3 + 2
    assert cost(document, ids=["a", "b"], n=4) == 1 + 4 + 2


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(operation=operations())
def test_every_operation_has_a_cost(operation: Operation) -> None:
    """Never below nothing, and the same each time."""
    try:
        found = DOCUMENTS.operation(operation.document, None).demand.cost
    except Failure:  # a value that no document may hold
        return
    assert 0 <= found.points(operation.variables) == found.points(operation.variables)
