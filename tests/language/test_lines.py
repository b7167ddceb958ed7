"""Labelling lines of JSON."""

from __future__ import annotations

import json

import pytest

from engine.language.lines import MalformedLine, predictions
from tests.language.saying import NOW


def labelled(*lines: str) -> list[object]:
    return [json.loads(line) for line in predictions(lines, NOW, "UTC")]


def test_each_line_gets_intent_tool_and_arguments() -> None:
    assert labelled('{"text": "Delete #3", "intent": "ignored"}\n', "\n", '{"text": "Grüße"}') == [
        {"text": "Delete #3", "intent": "DELETE", "tool": "delete_task", "args": {"ref": {"number": 3}}},
        {"text": "Grüße", "intent": "UNKNOWN", "tool": None, "args": None},
    ]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"text": 5}', '{"text": ""}'])
def test_a_malformed_line_is_named_by_its_number(line: str) -> None:
    with pytest.raises(MalformedLine, match=r"^line 2: "):
        labelled('{"text": "my tasks"}', line)
