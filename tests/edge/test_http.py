"""GraphQL over HTTP: methods, media types, status codes, and bodies of every brokenness."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx2
import pytest

from tests.edge.talk import raw, read_all
from tests.edge.world import USER, Server

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def post(http: httpx2.Client, body: object, accept: str = GRAPHQL, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": JSON, "accept": accept, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return http.post("/graphql", content=content, headers=sent)


def code(response: httpx2.Response) -> str:
    answer = response.json()
    assert "data" not in answer or answer["data"] is None
    return answer["errors"][0]["extensions"]["code"]


def test_a_query_by_post_is_answered(http: httpx2.Client) -> None:
    variables = {"name": "Ada"}
    response = post(http, {"query": "query($name: String!) { hello(name: $name) }", "variables": variables})
    assert response.status_code == 200
    assert response.json() == {"data": {"hello": "Hello, Ada!"}}
    assert response.headers["cache-control"] == "no-store"


def test_a_query_by_get_is_answered(http: httpx2.Client) -> None:
    query = "query A($name: String!) { hello(name: $name) } query B { person { name } }"
    variables = '{"name": "Ada"}'
    response = http.get("/graphql", params={"query": query, "variables": variables, "operationName": "A"})
    assert response.json() == {"data": {"hello": "Hello, Ada!"}}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (GRAPHQL, GRAPHQL),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL}; charset=utf-8, {JSON};q=0.9", GRAPHQL),
        ("application/graphql-response+json, application/json, text/event-stream, multipart/mixed", GRAPHQL),
        (f"{JSON};q=0, */*", None),
        (f"{JSON}; charset=latin-1", None),
        ("image/png", None),
        ("nonsense;;q=x,", None),
    ],
)
def test_the_answer_has_the_media_type_that_was_asked_for(
    http: httpx2.Client, accept: str, expected: str | None
) -> None:
    response = post(http, {"query": "{ hello }"}, accept)
    assert response.status_code == (406 if expected is None else 200)
    assert response.headers["content-type"] == f"{expected or JSON}; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nonsense }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($n: String!) { hello(name: $n) }", "variables": {"n": 5}}, "BAD_USER_INPUT"),
        ({"query": "query A { hello } query B { hello }"}, "BAD_USER_INPUT"),
        ({"query": "{ hello }", "operationName": "Other"}, "BAD_USER_INPUT"),
        ({"query": "fragment F on Query { hello }"}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_a_well_formed_request_with_a_wrong_document_is_400_only_in_the_media_type_that_says_so(
    http: httpx2.Client, body: dict[str, Any], expected: str
) -> None:
    strict, legacy = post(http, body, GRAPHQL), post(http, body, JSON)
    assert (strict.status_code, legacy.status_code) == (400, 200)
    assert code(strict) == code(legacy) == expected
    assert "data" not in strict.json()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"0",
        b'"x"',
        b"[]",
        b'[{"query": "{ hello }"}]',
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{}",
        b'{"query": null}',
        b'{"query": 1}',
        b'{"query": {"a": 1}}',
        b'{"query": "{ hello }", "variables": []}',
        b'{"query": "{ hello }", "variables": "x"}',
        b'{"query": "{ hello }", "extensions": 0}',
        b'{"query": "{ hello }", "operationName": false}',
        b'{"query": "{ hello }", "variables": {"a": "\\u0000"}}',
        b'{"query": "{ hello }", "variables": {"a": {"\\u0000": 1}}}',
        b'{"query": "{ hello }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ hello }", "variables": {"a": NaN}}',
        b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 70 + b"]" * 70 + b"}}",
        b'{"query": "{ hello }", "variables": ' + b"[" * 9_000 + b"]" * 9_000 + b"}",
        gzip.compress(b'{"query": "{ hello }"}', mtime=0),
    ],
)
@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
def test_what_is_not_a_graphql_request_is_400_with_a_code(
    http: httpx2.Client, body: bytes, accept: str
) -> None:
    response = post(http, body, accept)
    assert response.status_code == 400
    assert code(response) == "BAD_REQUEST"


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "?query=",
        "?variables={}",
        "?query={hello}&query={hello}",
        "?query={hello}&variables=x",
        "?query={hello}&variables=[]",
        "?query={hello}&extensions=1",
        "?query=%ff",
        "?" + "&".join(f"p{n}=1" for n in range(30)),
    ],
)
def test_a_get_that_is_no_request_is_400(http: httpx2.Client, parameters: str) -> None:
    response = http.get(f"/graphql{parameters}", headers={"accept": GRAPHQL})
    assert response.status_code == 400
    assert code(response) in {"BAD_REQUEST", "GRAPHQL_PARSE_FAILED"}


def test_nul_in_a_string_of_the_document_is_refused(http: httpx2.Client) -> None:
    for escape in ("\\u0000", "\\u{0}", "\\u{00}"):
        response = post(http, {"query": f'{{ hello(name: "a{escape}b") }}'})
        assert (response.status_code, code(response)) == (400, "GRAPHQL_VALIDATION_FAILED")
    told = post(http, {"query": '{ hello(name: "a\\\\u0000b") }'})
    assert told.json() == {"data": {"hello": "Hello, a\\u0000b!"}}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=latin-1",
    ],
)
def test_only_json_is_taken_so_that_no_foreign_page_can_post(http: httpx2.Client, content_type: str) -> None:
    response = post(http, {"query": "{ hello }"}, content_type=content_type)
    assert (response.status_code, code(response)) == (415, "BAD_REQUEST")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_json_in_utf_8_may_say_so(http: httpx2.Client, content_type: str) -> None:
    assert post(http, {"query": "{ hello }"}, content_type=content_type).status_code == 200


def test_a_compressed_body_is_415(http: httpx2.Client) -> None:
    body = gzip.compress(b'{"query": "{ hello }"}', mtime=0)
    assert post(http, body, content_encoding="gzip").status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_other_methods_are_405_and_told_which_there_are(http: httpx2.Client, method: str) -> None:
    response = http.request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


def test_a_mutation_by_get_is_405(http: httpx2.Client) -> None:
    response = http.get("/graphql", params={"query": "mutation { touch }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_body_above_the_limit_is_413(http: httpx2.Client, server: Server) -> None:
    assert post(http, b" " * 20_001).status_code == 413
    with raw(
        server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"5000\r\n" + b" " * 0x5000 + b"\r\n"
    ) as connection:
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_is_sent_by_half_is_408_and_the_connection_ends(server: Server) -> None:
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    with raw(server, head + b'{"query":') as connection:
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"BAD_REQUEST"' in answer


def test_a_token_says_who_asks(http: httpx2.Client) -> None:
    query = {"query": "{ user }"}
    assert post(http, query).json() == {"data": {"user": None}}
    assert post(http, query, authorization="bearer good").json() == {"data": {"user": str(USER)}}


@pytest.mark.parametrize("authorization", ["Bearer bad", "Bearer", "Basic Zm9v", "good"])
def test_a_bad_token_is_401(http: httpx2.Client, authorization: str) -> None:
    response = post(http, {"query": "{ hello }"}, JSON, authorization=authorization)
    assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


def test_where_nobody_can_be_authenticated_it_is_503(http: httpx2.Client) -> None:
    response = post(http, {"query": "{ hello }"}, authorization="Bearer outage")
    assert (response.status_code, code(response)) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "1"


def test_an_idempotency_key_reaches_a_mutation_of_one_field(http: httpx2.Client) -> None:
    query = "mutation { __typename ...F ...F } fragment F on Mutation { touch }"
    assert post(http, {"query": query}, idempotency_key="k-1").json()["data"]["touch"] == "k-1"
    assert post(http, {"query": query}).json()["data"]["touch"] is None


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("{ hello }", "k"),
        ("mutation { touch other: touch }", "k"),
        ("mutation { ...F other: touch } fragment F on Mutation { touch }", "k"),
        ("mutation { touch }", "k" * 256),
        ("mutation { touch }", "two words"),
        ("mutation { touch }", ""),
    ],
)
def test_an_idempotency_key_that_cannot_be_kept_is_an_error(
    http: httpx2.Client, query: str, key: str
) -> None:
    response = post(http, {"query": query}, idempotency_key=key)
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


def test_a_sane_request_id_is_kept_and_another_is_replaced(http: httpx2.Client) -> None:
    kept = post(http, {"query": "{ requestId }"}, x_request_id="abc-1.2_3")
    assert kept.headers["x-request-id"] == kept.json()["data"]["requestId"] == "abc-1.2_3"
    for insane in ("x" * 65, "a b", "a;b"):
        made = post(http, {"query": "{ requestId }"}, x_request_id=insane)
        assert made.headers["x-request-id"] == made.json()["data"]["requestId"] != insane


def test_a_browser_is_shown_the_page(http: httpx2.Client) -> None:
    response = http.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>page</title>" in response.text


def test_a_subscription_needs_a_road_that_stays_open(http: httpx2.Client) -> None:
    response = post(http, {"query": "subscription { count { number } }"}, f"{GRAPHQL}, {JSON}")
    assert (response.status_code, code(response)) == (406, "BAD_REQUEST")


HALVES = [
    b"",
    b"GET",
    b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: appl",
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost:",
]


@pytest.mark.parametrize("half", HALVES)
def test_a_head_that_is_sent_by_half_is_408_and_the_connection_ends(server: Server, half: bytes) -> None:
    """Also that of a second request, and that of which nothing came at all."""
    with raw(server, half) as connection:
        assert b"HTTP/1.1 408 Request Timeout" in read_all(connection)


@pytest.mark.parametrize("piece", [b"X-Much: " + b"x" * 40_000, b"X-Many: 1\r\n" * 5_000, b"x" * 40_000])
def test_a_head_that_is_too_long_is_431(server: Server, piece: bytes) -> None:
    """Whether it is one header or many, and before it is whole."""
    with raw(server, b"GET /graphql HTTP/1.1\r\nHost: x\r\n" + piece) as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 431")
