"""What callers and logs are told when something goes wrong."""

from __future__ import annotations

import logging
from typing import Any

import httpx2
import pytest


def ask(http: httpx2.Client, query: str, **headers: str) -> dict[str, Any]:
    response = http.post(
        "/graphql", json={"query": query}, headers={"accept": "application/graphql-response+json", **headers}
    )
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize(
    ("field", "code"), [("badCursor", "INVALID_CURSOR"), ("missing", "NOT_FOUND"), ("outage", "UNAVAILABLE")]
)
def test_an_error_that_is_meant_for_the_caller_keeps_its_code_and_message(
    http: httpx2.Client, field: str, code: str
) -> None:
    answer = ask(http, f"{{ hello {field} }}")
    assert answer["data"] == {"hello": "Hello, you!", field: None}
    (error,) = answer["errors"]
    assert (error["extensions"], error["path"]) == ({"code": code}, [field])


@pytest.mark.parametrize("field", ["fails", "nothing", "huge"])
def test_a_fault_of_ours_is_masked_and_logged_under_the_same_id(
    http: httpx2.Client, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    (error,) = ask(http, f"{{ {field} }}")["errors"]
    assert error["message"] == "Something went wrong on our side."
    assert error["extensions"]["code"] == "INTERNAL"
    (record,) = caplog.records
    assert f"correlationId={error['extensions']['correlationId']} at {field}\n" in record.getMessage()
    assert "Traceback" in record.getMessage()


def test_the_correlation_id_is_the_request_id(http: httpx2.Client) -> None:
    (error,) = ask(http, "{ fails }", **{"x-request-id": "req-1"})["errors"]
    assert error["extensions"]["correlationId"] == "req-1"


def test_the_log_holds_no_token_no_control_character_and_no_endless_line(
    http: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    ask(http, "{ fails }")
    (record,) = caplog.records
    first, *rest = record.getMessage().split("\n")
    assert first.startswith("INTERNAL ")
    assert all(line.startswith("  | ") and line.isprintable() and len(line) < 500 for line in rest)
    assert "eyJ" not in record.getMessage()
    assert "[secret]" in record.getMessage()


def test_a_value_that_json_cannot_hold_is_a_fault_of_ours(http: httpx2.Client) -> None:
    answer = ask(http, "{ surrogate }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


def test_an_argument_that_only_shows_to_be_wrong_at_execution_is_the_callers(http: httpx2.Client) -> None:
    query = "query($name: String = null) { hello(name: $name) }"
    response = http.post(
        "/graphql", json={"query": "query($n: String) { hello(name: $n) }", "variables": {"n": None}}
    )
    assert response.json()["errors"][0]["extensions"]["code"] in {
        "BAD_USER_INPUT",
        "GRAPHQL_VALIDATION_FAILED",
    }
    assert http.post("/graphql", json={"query": query}).json()["errors"]


def test_an_operation_that_takes_too_long_is_stopped(http: httpx2.Client) -> None:
    answer = ask(http, "{ hello slow }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "TIMEOUT"


def test_a_field_that_waits_by_contract_can_have_more_time(http: httpx2.Client) -> None:
    assert ask(http, "{ patient(seconds: 5) }") == {"data": {"patient": "in time"}}
    assert ask(http, "{ patient(seconds: 0.01) }")["errors"][0]["extensions"]["code"] == "TIMEOUT"


def test_a_fault_in_authentication_is_a_500_that_tells_nothing(
    http: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = http.post("/graphql", json={"query": "{ hello }"}, headers={"authorization": "Bearer bug"})
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "a bug in authentication" not in response.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
