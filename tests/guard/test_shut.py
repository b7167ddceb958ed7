"""Introspection and GraphiQL by setting; where the schema is not to be read, nothing else tells it."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from graphql import get_introspection_query

from app import Server
from settings import Settings
from tests.api import Api
from tests.guard.parts import codes

pytestmark = pytest.mark.anyio

PAGE = {"accept": "text/html"}
TYPOS = [
    "{ task { id } }",
    "{ tsks { totalCount } }",
    "{ tasks(frist: 1) { totalCount } }",
    "{ tasks { nodes { titel } } }",
    "{ tasks(filter: {priority: HIHG}) { totalCount } }",
    "{ tasks(filter: {priorty: HIGH}) { totalCount } }",
    "{ tasks(orderBy: {feild: TITLE, direction: ASC}) { totalCount } }",
    "{ tasks { ...F } } fragment F on TaskConection { totalCount }",
    "{ tasks @inclde(if: true) { totalCount } }",
    "query ($f: TaskFliter) { tasks(filter: $f) { totalCount } }",
    "mutation { createTsk(input: {}) { __typename } }",
    "{ node(id: 1) { ... on Tsk { id } } }",
    "{ node(id: 1) { title } }",
]
VALUES = [
    ("query ($f: TaskFilter) { tasks(filter: $f) { totalCount } }", {"f": {"priorty": "HIGH"}}),
    ("query ($f: TaskFilter) { tasks(filter: $f) { totalCount } }", {"f": {"priority": "HIHG"}}),
    ("query ($o: TaskOrder) { tasks(orderBy: $o) { totalCount } }", {"o": {"feild": "TITLE"}}),
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"introspection": False, "graphiql": False})


async def test_the_schema_cannot_be_read(api: Api) -> None:
    """Only the name of a type stays to be asked for, as clients do."""
    ada = await api.user()
    for document in (
        get_introspection_query(),
        "{ __schema { queryType { name } } }",
        '{ __type(name: "Task") { name } }',
    ):
        assert set(codes((await ada.post(document)).json())) == {"GRAPHQL_VALIDATION_FAILED"}
    assert await ada.ask("{ __typename }") == {"__typename": "Query"}


async def test_errors_do_not_tell_it_bit_by_bit(api: Api) -> None:
    ada = await api.user()
    for document in TYPOS:
        answer = (await ada.post(document)).json()
        assert codes(answer), document
        assert "Did you mean" not in str(answer), document
    for document, variables in VALUES:
        answer = (await ada.post(document, **variables)).json()
        assert codes(answer) == ["BAD_USER_INPUT"] * len(answer["errors"])
        assert "Did you mean" not in str(answer), document


async def test_there_is_no_page(api: Api) -> None:
    page = await api.anonymous._http.get("/graphql", headers=PAGE)
    assert page.status_code == 406
    assert (await api.anonymous._http.get("/graphiql/")).status_code == 404


async def test_else_it_can_be_read_and_errors_help(tmp_path: Path, dsn: str) -> None:
    """As in development: both are on unless they are switched off."""
    app = Server(Settings(database_url=dsn, data_dir=tmp_path)).application()
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as http,
    ):
        page = await http.get("/graphql", headers=PAGE)
        assert page.headers["content-type"].startswith("text/html")
        told = await http.post("/graphql", json={"query": TYPOS[1]})
        assert "Did you mean 'tasks'" in told.text
        read = await http.post("/graphql", json={"query": get_introspection_query()})
        assert read.json()["data"]["__schema"]["types"]
