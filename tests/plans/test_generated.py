"""Random operations, answered by plan and by graphql-core: the same answer to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from graphql import Node, Visitor, parse, print_ast, visit
from graphql.language import FieldNode, FragmentSpreadNode, InlineFragmentNode, OperationDefinitionNode
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.hostile.operations import Writer
from tests.hostile.people import Person
from tests.plans.meaning import Meant
from tests.plans.roads import Roads

pytestmark = pytest.mark.anyio

Question = tuple[str, dict[str, Any]]
_SWITCHES = (
    "",
    "",
    "",
    " @skip(if: false)",
    " @include(if: false)",
    " @skip(if: $on)",
    " @include(if: $on)",
    " @include(if: $on) @skip(if: $off)",
)
_NODES = (FieldNode, InlineFragmentNode, FragmentSpreadNode)


class _Switcher(Visitor):
    """Puts @skip and @include here and there."""

    def __init__(self, switches: list[str]) -> None:
        super().__init__()
        self._switches = switches
        self._count = 0

    def leave(self, node: Node, *_: Any) -> Node | None:
        if isinstance(node, _NODES):
            switch = self._switches[self._count % len(self._switches)]
            self._count += 1
            return replace(node, directives=_selection(f"{{ a{switch} }}").selections[0].directives)
        if isinstance(node, OperationDefinitionNode):
            head = parse("query ($on: Boolean!, $off: Boolean = false) { a }").definitions[0]
            known = node.variable_definitions or ()
            return replace(node, variable_definitions=(*known, *head.variable_definitions))  # type: ignore
        return None


def _selection(text: str) -> Any:
    document: Any = parse(text)
    return document.definitions[0].selection_set


@st.composite
def questions(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Question:
    """A query, with switches in half of all cases."""
    writer = draw(st.sampled_from((Writer, Meant, Meant)))
    operation = writer(draw).operation(reads_only=True)
    if draw(st.booleans()):
        return operation.document, operation.variables
    document = parse(operation.document)
    switcher = _Switcher(draw(st.lists(st.sampled_from(_SWITCHES), min_size=1, max_size=12)))
    values = draw(st.fixed_dictionaries({"on": st.booleans()}, optional={"off": st.none() | st.booleans()}))
    return print_ast(visit(document, switcher)), {**operation.variables, **values}


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(asked=st.lists(questions(), min_size=12, max_size=12))
async def test_a_plan_answers_as_graphql_core_does(
    people: tuple[Person, Person], roads: Roads, asked: list[Question]
) -> None:
    """Whatever is asked, in whatever form, and whatever goes wrong."""
    person, _ = people
    for document, variables in asked:
        sent = json.loads(person._fill(json.dumps({"query": document, "variables": variables})))
        await roads.agree(person.user.id, sent["query"], sent["variables"])
