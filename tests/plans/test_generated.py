"""Random operations, answered by plan and by graphql-core: the same answer to the byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLSyntaxError, Node, Visitor, parse, print_ast, visit
from graphql.language import FieldNode, FragmentSpreadNode, InlineFragmentNode, OperationDefinitionNode
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.hostile.operations import Writer
from tests.hostile.people import Person
from tests.plans.meaning import Meant
from tests.plans.roads import Roads
from tests.plans.test_documents import LEFT, ONLY_ONCE, filled, settled_facts

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
_FLEETING = re.compile(r"\ba\d+: (\w*[cC]ursor|confirmToken|executionTimeMs|queuePosition)\b")
"With their aliases: what differs from user to user is known by its name."
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


def _parsed(text: str) -> DocumentNode | None:
    """None where it is nested too deeply for what is left of the stack here."""
    try:
        return parse(text)
    except GraphQLSyntaxError:
        return None


@st.composite
def questions(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Question:
    """A query, with switches in half of all cases."""
    writer = draw(st.sampled_from((Writer, Meant, Meant)))
    operation = writer(draw).operation(is_mutation=False)
    document = _parsed(operation.document)
    if document is None or draw(st.booleans()):
        return operation.document, operation.variables
    switcher = _Switcher(draw(st.lists(st.sampled_from(_SWITCHES), min_size=1, max_size=12)))
    values = draw(st.fixed_dictionaries({"on": st.booleans()}, optional={"off": st.none() | st.booleans()}))
    return print_ast(visit(document, switcher)), {**operation.variables, **values}


@st.composite
def orders(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Question:
    """A mutation that does the same for two users with the same past."""
    writer = draw(st.sampled_from((Writer, Meant, Meant)))
    operation = writer(draw).operation(is_mutation=True)
    assume(not set(operation.roots.values()) & ONLY_ONCE)
    return _FLEETING.sub(r"\1", operation.document), operation.variables


@settings(
    max_examples=12,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(ordered=st.lists(orders(), min_size=8, max_size=8))
async def test_a_planned_mutation_does_and_says_as_graphql_core_does(
    people: tuple[Person, Person], roads: Roads, ordered: list[Question]
) -> None:
    """One user is served by plans, the other without; what both have afterwards is the same."""
    ada, bob = people
    for document, variables in ordered:
        asked = {"query": document, "variables": variables}
        mine, theirs = filled(ada, asked), filled(bob, asked)
        planned = await roads.planned.answer(ada.user.id, mine["query"], mine["variables"])
        plain = await roads.plain.answer(bob.user.id, theirs["query"], theirs["variables"])
        assert settled_facts(planned) == settled_facts(plain), f"{document}\n{variables}"
    left = [settled_facts(await roads.plain.answer(one.user.id, LEFT)) for one in people]
    assert left[0] == left[1]
    assert roads.taken.plan


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
