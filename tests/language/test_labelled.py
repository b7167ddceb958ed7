"""Labelled sentences: a sample of what other people said, and what we wrote without the grammar in sight."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from engine.language import understand
from tests.language.saying import NOW, said

DATA = Path(__file__).parent / "data"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


SAMPLE = rows("sample.jsonl")
HANDWRITTEN = rows("handwritten.jsonl")
BUDGET = 0.005
"Seconds of this thread's time that one sentence may take."


@pytest.mark.parametrize("row", SAMPLE, ids=lambda row: row["text"])
def test_what_people_said_is_what_they_are_understood_to_want(row: dict[str, Any]) -> None:
    labels = said(row["text"]).labels()
    assert labels["intent"] == row["intent"]
    if row["intent"] == "UNKNOWN" or row["args"] is not None:
        assert labels["tool"] == row["tool"]


@pytest.mark.parametrize("row", HANDWRITTEN, ids=lambda row: row["text"])
def test_what_we_would_say_is_understood_to_the_arguments(row: dict[str, Any]) -> None:
    """To the letter but for case, or as one of the readings that are just as right."""
    labels = said(row["text"]).labels()
    assert (labels["intent"], labels["tool"]) == (row["intent"], row["tool"])
    assert plain(labels["args"]) in [plain(args) for args in (row["args"], *row.get("accept", ()))]


def plain(args: object) -> str:
    return json.dumps(args, ensure_ascii=False, sort_keys=True).casefold().replace('z"', '+00:00"')


def test_a_sentence_is_understood_within_its_budget() -> None:
    """99 of 100 of them; measured in time of this thread, so that other work on the machine doesn't count."""
    taken: list[float] = []
    for row in SAMPLE + HANDWRITTEN:
        start = time.thread_time()
        understand(row["text"], NOW, "UTC")
        taken.append(time.thread_time() - start)
    assert sorted(taken)[len(taken) * 99 // 100] <= BUDGET
