"""What a document may ask for, checked before it costs anything."""

from __future__ import annotations

import httpx2
import pytest
from graphql import GraphQLSchema, OperationType, get_introspection_query

from edge.answers import Failure
from edge.core import inside
from edge.documents import Documents
from settings import Settings
from tests.edge.world import LIMITS, SCHEMA


@pytest.fixture
def schema() -> GraphQLSchema:
    return inside(SCHEMA)


@pytest.fixture
def documents(schema: GraphQLSchema) -> Documents:
    return Documents(schema, LIMITS)


def refusal(documents: Documents, query: str) -> list[str]:
    with pytest.raises(Failure) as caught:
        documents.operation(query, None)
    return [str(error["message"]) for error in caught.value.errors]


def friends(depth: int, leaf: str = "name") -> str:
    return "{ person { " + "friend { " * (depth - 2) + leaf + " }" * (depth - 2) + " } }"


def test_depth_is_limited_also_through_fragments(documents: Documents) -> None:
    documents.operation(friends(5), None)
    assert "5 levels deep" in refusal(documents, friends(6))[0]
    spread = friends(5, "...F") + " fragment F on Person { friend { name } }"
    documents.operation(friends(3, "...F") + " fragment F on Person { friend { name } }", None)
    assert "5 levels deep" in refusal(documents, spread)[0]


def test_aliases_are_counted_where_fragments_put_them(documents: Documents) -> None:
    documents.operation("{ " + " ".join(f"a{n}: hello" for n in range(5)) + " }", None)
    assert "5 aliases" in refusal(documents, "{ " + " ".join(f"a{n}: hello" for n in range(6)) + " }")[0]
    twice = "{ a: person { ...F } b: person { ...F } } fragment F on Person { x: name y: name }"
    assert "5 aliases" in refusal(documents, twice)[0]


def test_directives_are_counted(schema: GraphQLSchema) -> None:
    documents = Documents(schema, Settings())
    assert "50 directives" in refusal(documents, "{ " + "hello @skip(if: false) " * 51 + "}")[0]


def test_fragments_that_spread_to_thousands_of_fields_are_refused(documents: Documents) -> None:
    """Each fragment holds the next one four times: a few hundred tokens that stand for 4**20 fields."""
    chain = " ".join(f"fragment F{n} on Query {{ {f'...F{n + 1} ' * 4} }}" for n in range(20))
    query = "{ ...F0 } " + chain + " fragment F20 on Query { hello }"
    assert "2000 fields" in refusal(documents, query)[0]


def test_one_place_of_the_response_is_not_asked_for_a_hundred_times(schema: GraphQLSchema) -> None:
    """Wherever the repetition stands: graphql-core would compare each with each."""
    documents = Documents(schema, Settings())
    documents.operation("{ " + "person { name } " * 30 + "}", None)
    for query in (
        "{ " + "person { name } " * 31 + "}",
        "{ " + "... on Query { person { name } } " * 31 + "}",
        "{ " + f"person {{ {'friend { name } ' * 8} }} " * 8 + "}",
        "{ " + "".join(f"...F{n} " for n in range(31)) + "}"
        + "".join(f" fragment F{n} on Query {{ hello }}" for n in range(31)),
    ):  # fmt: skip
        assert "30 fields of the same name" in refusal(documents, query)[0]
    documents.operation("{ " + "...F " * 100 + "} fragment F on Query { hello }", None)


@pytest.mark.parametrize(
    "fragments",
    ["fragment F on Query { hello }", "fragment F on Query { hello } fragment F on Query { hello }"],
)
def test_fragments_that_nobody_needs_are_not_looked_into(documents: Documents, fragments: str) -> None:
    assert len(refusal(documents, "{ hello } " + fragments)) == 1


def test_tokens_end_the_reading_before_the_document_is_read(documents: Documents) -> None:
    assert "more than 400 tokens" in refusal(documents, "{ " + "hello " * 10_000 + "}")[0]
    assert "comments" in refusal(documents, "#\n" * 1_000 + "{ hello }")[0]


def test_circular_fragments_are_named_not_followed(documents: Documents) -> None:
    circle = "{ ...A } fragment A on Query { ...B } fragment B on Query { hello ...A }"
    assert "within itself" in refusal(documents, circle)[0]
    spiral = "{ person { ...A } } fragment A on Person { friend { ...A } }"
    assert "within itself" in refusal(documents, spiral)[0]
    assert refusal(documents, "subscription { ...A } fragment A on Subscription { ...A }")


def test_the_usual_introspection_is_no_matter_of_depth(schema: GraphQLSchema) -> None:
    documents = Documents(schema, Settings())
    documents.operation(get_introspection_query(input_value_deprecation=True), None)
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert "introspection depth" in refusal(documents, deep)[0]


def test_no_more_than_twenty_errors_are_told(documents: Documents) -> None:
    assert len(refusal(documents, "{ " + " ".join(f"no{n}" for n in range(100)) + " }")) == 20


def test_no_more_than_twenty_errors_of_an_execution_are_told(
    http: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor logged: a list whose every item fails costs no more than one with twenty that do."""
    answer = http.post("/graphql", json={"query": "{ noNumbers }"}).json()
    assert answer["data"] == {"noNumbers": [None] * 100}
    assert [error["path"] for error in answer["errors"]] == [["noNumbers", place] for place in range(20)]
    assert len(caplog.records) == 20


def test_messages_do_not_repeat_all_that_was_sent(documents: Documents) -> None:
    assert len(refusal(documents, "{ " + "x" * 9_000 + " }")[0]) < 600


def test_the_same_text_is_looked_at_once(documents: Documents) -> None:
    first = documents.operation("{ hello }", None)
    assert documents.operation("{ hello }", None) is first
    assert first.kind is OperationType.QUERY


def test_what_is_kept_is_bounded(documents: Documents) -> None:
    """A thousand other documents push one out, as do a few large ones."""
    first = documents.operation("{ hello }", None)
    for number in range(600):
        documents.operation(f"query Q{number} {{ hello }}", None)
    second = documents.operation("{ hello }", None)
    assert second is not first
    for number in range(30):
        documents.operation(f"query Q{number} {{ hello }} #" + "x" * 15_000, None)
    assert documents.operation("{ hello }", None) is not second


def test_a_subscription_has_exactly_one_field(documents: Documents) -> None:
    assert refusal(documents, "subscription { }")
    assert refusal(documents, "subscription { __typename }")
    assert refusal(documents, "subscription { a: count { number } b: count { number } }")


@pytest.mark.parametrize(
    ("query", "variable"),
    [
        ("subscription($c: String) { count(after: $c) { number } }", "c"),
        ("subscription($c: String) { ...F } fragment F on Subscription { count(after: $c) { number } }", "c"),
        ('subscription { count(after: "1") { number } }', None),
        ("subscription { count { number } }", None),
    ],
)
def test_the_variable_that_resumes_a_stream_is_found(
    documents: Documents, query: str, variable: str | None
) -> None:
    assert documents.operation(query, None).resume_variable == variable
