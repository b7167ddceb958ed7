"""What graphql-cop asks of a production server, asked here: the tool itself is on no package index."""

from __future__ import annotations

import httpx2
import pytest

from settings import Settings
from tests.api import Api
from tests.guard.parts import codes

pytestmark = pytest.mark.anyio

JSON = {"accept": "application/json"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As in production."""
    shut = {"introspection": False, "graphiql": False, "allowed_origins": ["https://app.example"]}
    return settings.model_copy(update=shut)


@pytest.fixture
async def http(api: Api) -> httpx2.AsyncClient:
    return api._http


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("alias overloading", "{ " + " ".join(f"alias{n}: __typename" for n in range(101)) + " }"),
        ("field duplication", "{ " + "__typename " * 500 + "}"),
        ("directive overloading", "{ __typename " + "@aa" * 10 + " }"),
        ("directives that are known", "{ __typename " + "@include(if: true) " * 60 + "}"),
        (
            "circular introspection",
            "{ __schema { " + "types { fields { type { " * 3 + "name" + " } } }" * 3 + " } }",
        ),
        ("introspection", "{ __schema { types { name } } }"),
        ("field suggestions", "query { system }"),
        ("unhandled errors", "qwerty { abc }"),
    ],
)
async def test_an_attack_is_refused_in_a_few_words(http: httpx2.AsyncClient, name: str, query: str) -> None:
    """Before anything is done, with a code and without a hint."""
    response = await http.post("/graphql", json={"query": query}, headers=JSON)
    assert codes(response.json()), name
    assert "data" not in response.json()
    assert "Did you mean" not in response.text
    assert "Traceback" not in response.text
    assert len(response.content) < 10_000


async def test_batches_are_refused(http: httpx2.AsyncClient) -> None:
    response = await http.post("/graphql", json=[{"query": "{ __typename }"}] * 10, headers=JSON)
    assert (response.status_code, codes(response.json())) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
)
async def test_a_foreign_page_cannot_post(http: httpx2.AsyncClient, kind: str) -> None:
    """The types that a browser sends without asking first."""
    body = b"query=%7B__typename%7D"
    response = await http.post("/graphql", content=body, headers={**JSON, "content-type": kind})
    assert response.status_code == 415


async def test_nothing_is_changed_by_get(http: httpx2.AsyncClient) -> None:
    mutation = 'mutation { signOut(input: {refreshToken: "x"}) { signedOut } }'
    response = await http.get("/graphql", params={"query": mutation}, headers=JSON)
    assert response.status_code == 405


async def test_no_page_of_a_console_is_shown(http: httpx2.AsyncClient) -> None:
    for path in ("/graphql", "/graphiql", "/graphiql/"):
        response = await http.get(path, headers={"accept": "text/html"})
        assert response.status_code in {404, 406}
        assert "<html" not in response.text.lower()


async def test_no_trace_is_told(http: httpx2.AsyncClient) -> None:
    """What Apollo's tracing would add."""
    response = await http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={**JSON, "apollo-tracing": "1"}
    )
    assert set(response.json()["extensions"]) == {"cost"}


async def test_only_listed_origins_may_read(http: httpx2.AsyncClient) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for origin, allowed in (("https://app.example", True), ("https://evil.example", False), ("null", False)):
        before = await http.options("/graphql", headers={"origin": origin, **asked})
        assert (before.headers.get("access-control-allow-origin") == origin) is allowed
        answer = await http.post("/graphql", json={"query": "{ __typename }"}, headers={"origin": origin})
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_hundred_wrong_values_are_not_told_one_by_one(api: Api) -> None:
    """As with a document: twenty errors at most, and none repeats what was sent at any length."""
    ada = await api.user()
    answer = await ada.post(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[{"a": "x" * 1_000}] * 100
    )
    errors = answer.json()["errors"]
    assert {error["extensions"]["code"] for error in errors} == {"BAD_USER_INPUT"}
    assert 1 < len(errors) <= 20
    assert all(len(error["message"]) < 600 for error in errors)
