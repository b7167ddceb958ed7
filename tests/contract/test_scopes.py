"""Every field says which scope it needs: a new one that does not is found here."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLSchema, build_schema

from edge.core import inside
from ids import Kind
from schema.root import schema
from schema.scopes import KINDS, OPEN, ROOTS, access_to, scope_of_id
from scopes import Scope, granted

OURS = inside(schema)
PROMISED = build_schema((Path(__file__).parent / "contract.graphql").read_text())
WITHOUT = {"node", "nodes", "rateLimit", "signUp", "signIn", "refreshSession", "signOut"}


def roots(of: GraphQLSchema) -> set[str]:
    found = (of.query_type, of.mutation_type, of.subscription_type)
    return {f"{root.name}.{name}" for root in found if root for name in root.fields}


def test_every_query_mutation_and_subscription_names_its_scopes() -> None:
    """Add the line to `ROOTS` in schema/scopes.py."""
    assert roots(OURS) - set(ROOTS) == set()


def test_only_a_few_are_open_to_any_token() -> None:
    assert {name.partition(".")[2] for name, scopes in ROOTS.items() if scopes == OPEN} == WITHOUT


def test_every_object_with_an_id_names_the_scope_of_its_kind() -> None:
    """Add the line to `KINDS` in schema/scopes.py: the object is reached from many fields."""
    node = OURS.type_map["Node"]
    kept = {one.name for one in OURS.get_possible_types(node)}  # type: ignore[arg-type]
    assert kept - set(KINDS) == set()
    assert {scope_of_id(kind) for kind in Kind} <= set(Scope)


def test_the_table_names_nothing_that_never_was() -> None:
    assert set(ROOTS) - roots(OURS) - roots(PROMISED) == set()
    assert set(KINDS) - set(OURS.type_map) - set(PROMISED.type_map) == set()


def test_an_object_needs_its_scope_wherever_it_is_reached() -> None:
    """From a root, from another object, in a page of them, and in a mutation's answer."""
    access = access_to(OURS)
    of_tasks = ("Query.tasks", "Task.title", "TaskConnection.nodes", "TaskEdge.node", "TaskCandidate.task")
    assert {access[name] for name in of_tasks} == {frozenset({Scope.TASKS_READ})}
    assert access["Task.executions"] == {Scope.TASKS_READ, Scope.RUNS_READ}
    assert access["CreateTaskSuccess.task"] == {Scope.TASKS_READ}
    assert access["Execution.task"] == {Scope.TASKS_READ, Scope.RUNS_READ}
    assert "PageInfo.endCursor" not in access
    assert "CreateTaskSuccess.replayed" not in access


def test_writing_includes_reading_and_strange_words_are_nothing() -> None:
    assert granted(["tasks:write", "openid", ""]) == {Scope.TASKS_READ, Scope.TASKS_WRITE}
    assert granted(["interrupts:write"]) == {Scope.INTERRUPTS_WRITE, Scope.RUNS_READ}
    assert granted([]) == granted(["tasks:*", "TASKS:READ"]) == frozenset()
