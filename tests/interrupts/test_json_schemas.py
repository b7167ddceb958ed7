"""Schemas from strangers: sound or refused, and never a way to stall or to reach out."""

from __future__ import annotations

import pytest

from engine.json_schemas import issues_of, schema_problem

ORDER = {
    "type": "object",
    "properties": {"size": {"enum": ["S", "M"]}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["size"],
    "additionalProperties": False,
}


def test_a_value_that_fits_has_no_issues() -> None:
    assert issues_of(ORDER, {"size": "S", "lines": [1, 2]}) == []


def test_every_issue_is_told_with_its_place() -> None:
    found = issues_of(ORDER, {"lines": [1, "x"], "color": 1}, ("value",))

    assert {issue.path for issue in found} == {("value",), ("value", "lines", "1")}
    assert len(found) == 3
    assert any("size" in issue.message for issue in found)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nothing"},
        {"pattern": "("},
        {"$ref": "https://example.com/schema"},
        {"$ref": "file:///etc/passwd"},
        {"$schema": "https://example.com/my-draft"},
        {"pattern": "(x{0,900}){0,900}"},
        [],
        "string",
    ],
)
def test_a_schema_that_is_not_sound_or_leads_outside_is_refused(schema: object) -> None:
    assert schema_problem(schema)


@pytest.mark.parametrize(
    "schema", [True, {}, ORDER, {"$schema": "http://json-schema.org/draft-07/schema#"}, {"$ref": "#"}]
)
def test_a_sound_schema_has_no_problem(schema: object) -> None:
    assert schema_problem(schema) is None


def test_no_pattern_takes_longer_than_the_text_is_long() -> None:
    """A backtracking engine would need 2 to the power of 50,000 steps here."""
    (issue,) = issues_of({"type": "string", "pattern": "^(a+)+$"}, "a" * 50_000 + "!")

    assert len(issue.message) <= 300


def test_the_many_issues_of_a_large_value_are_cut() -> None:
    assert len(issues_of({"items": {"type": "string"}}, list(range(10_000)))) == 20
