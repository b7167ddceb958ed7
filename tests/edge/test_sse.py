"""Server-Sent Events: one operation, one response, an id for each frame, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests.edge.talk import raw, reset
from tests.edge.world import Server

COUNT = "subscription($to: Int!, $after: String) { count(to: $to, after: $after) { number } }"


@contextmanager
def stream(
    http: httpx2.Client, query: str, headers: dict[str, str] | None = None, **rest: object
) -> Iterator[Any]:
    accept = {"accept": "text/event-stream", **(headers or {})}
    with http.stream("POST", "/graphql", json={"query": query, **rest}, headers=accept) as response:
        yield response


def events(text: str) -> list[dict[str, str]]:
    """The events of a whole stream, each by its fields; comments under an empty name."""
    blocks = [block for block in text.split("\n\n") if block]
    return [dict(_field(line) for line in block.split("\n")) for block in blocks]


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def told(
    http: httpx2.Client, query: str, headers: dict[str, str] | None = None, **rest: object
) -> list[dict[str, str]]:
    with stream(http, query, headers, **rest) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        return events(response.read().decode())


def frame(number: int) -> dict[str, str]:
    data = f'{{"data":{{"count":{{"number":{number}}}}},"extensions":{{"cursor":"{number}"}}}}'
    return {"event": "next", "id": str(number), "data": data}


COMPLETE = {"event": "complete", "data": ""}


def test_a_subscription_is_its_frames_and_complete(http: httpx2.Client) -> None:
    assert told(http, COUNT, variables={"to": 2}) == [frame(0), frame(1), COMPLETE]


def test_by_get_as_a_browser_asks(http: httpx2.Client) -> None:
    parameters = {"query": COUNT, "variables": '{"to": 1}'}
    response = http.get("/graphql", params=parameters, headers={"accept": "text/event-stream"})
    assert events(response.text) == [frame(0), COMPLETE]


def test_last_event_id_resumes_after_it(http: httpx2.Client) -> None:
    found = told(http, COUNT, {"last-event-id": "0"}, variables={"to": 3, "after": None})
    assert found == [frame(1), frame(2), COMPLETE]


def test_last_event_id_without_a_place_for_it_is_ignored_and_that_is_said(http: httpx2.Client) -> None:
    comment, *rest = told(http, "subscription { count(to: 1) { number } }", {"last-event-id": "0"})
    assert "Last-Event-ID was ignored" in comment[""]
    assert rest == [frame(0), COMPLETE]


def test_a_query_can_be_asked_for_in_events_too(http: httpx2.Client) -> None:
    assert told(http, "{ hello }") == [
        {"event": "next", "data": '{"data":{"hello":"Hello, you!"}}'},
        COMPLETE,
    ]


def test_a_query_is_plain_json_for_who_also_takes_that(http: httpx2.Client) -> None:
    with stream(http, "{ hello }", {"accept": "text/event-stream, application/json"}) as response:
        assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
        (COUNT, "BAD_USER_INPUT"),
        ('subscription { breaks(how: "at once") { number } }', "INTERNAL"),
    ],
)
def test_what_is_refused_is_told_in_an_event(http: httpx2.Client, query: str, code: str) -> None:
    first, last = told(http, query)
    assert json.loads(first["data"])["errors"][0]["extensions"]["code"] == code
    assert last == COMPLETE


def test_a_source_that_breaks_is_told_and_completed(http: httpx2.Client) -> None:
    first, second, last = told(http, 'subscription { breaks(how: "known") { number } }')
    assert "data" in json.loads(first["data"])
    assert json.loads(second["data"])["errors"][0]["extensions"] == {"code": "FUTURE_CURSOR"}
    assert last == COMPLETE


def test_a_bad_token_is_401_and_no_stream(http: httpx2.Client) -> None:
    with stream(http, COUNT, {"authorization": "Bearer bad"}) as response:
        assert response.status_code == 401


def test_silence_is_broken_by_pings(http: httpx2.Client, server: Server) -> None:
    with stream(http, "subscription { silence { number } }") as response:
        lines = response.iter_lines()
        heard = [next(lines) for _ in range(7)]
    assert heard[0] == "event: next"
    assert heard[1].startswith("data: "), "a cursor with a line end in it is no id"
    assert heard[3] == heard[5] == ": ping"
    server.notes.expect("closed")


def test_the_end_of_the_token_is_the_end_of_the_stream(http: httpx2.Client, server: Server) -> None:
    with stream(http, "subscription { silence { number } }", {"authorization": "Bearer brief"}) as response:
        assert COMPLETE not in events(response.read().decode())
    server.notes.expect("closed")


@pytest.mark.parametrize("field", ["flood { number }", "silence { number }", "flood(size: 100000) { text }"])
def test_the_source_is_closed_when_the_client_is_gone(server: Server, field: str) -> None:
    """The large frames are never read: the server is waiting in `send` when the connection is cut."""
    body = json.dumps({"query": f"subscription {{ {field} }}"}).encode()
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with raw(server, head + body) as connection:
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
        if "size" in field:
            server.notes.drain_until_silent()
        reset(connection)
        server.notes.expect("closed")
