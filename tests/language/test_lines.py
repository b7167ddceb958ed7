"""Labelling lines of JSON."""

from __future__ import annotations

import json

import pytest

from engine.language.lines import MalformedLine, predictions
from tests.language.saying import NOW


def labelled(*lines: bytes) -> list[object]:
    return [json.loads(line) for line in predictions(lines, NOW, "UTC")]


def test_each_line_gets_intent_tool_and_arguments() -> None:
    given = ['{"text": "Delete #3", "intent": "ignored"}\r\n', "\n", '\ufeff{"text": "Grüße"}']
    assert labelled(*(line.encode() for line in given)) == [
        {"text": "Delete #3", "intent": "DELETE", "tool": "delete_task", "args": {"ref": {"number": 3}}},
        {"text": "Grüße", "intent": "UNKNOWN", "tool": None, "args": None},
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"text": "x", "n": %s}' % (b"1" * 5_000), "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "not an object"),
        (b'{"text": 5}', "not an object"),
        (b'{"text": "\xff"}', "not Unicode"),
        (rb'{"text": "\ud83d"}', "not Unicode"),
        (b'{"text": ""}', "Message cannot be empty"),
        (b'{"text": "%s"}' % (b"x" * 1_001), "Message must be under 1000 characters"),
    ],
    ids=lambda given: repr(given)[:30],
)
def test_a_malformed_line_is_named_by_its_number(line: bytes, reason: str) -> None:
    with pytest.raises(MalformedLine, match=rf"^line 2: {reason}"):
        labelled(b'{"text": "my tasks"}', line)
