"""A sample of labelled sentences that other people said."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from engine.language import understand
from tests.language.saying import NOW, said

SAMPLE = Path(__file__).parent / "data" / "sample.jsonl"
ROWS: list[dict[str, object]] = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
BUDGET = 0.005
"Seconds of this thread's time that one sentence may take."


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["text"]))
def test_what_people_said_is_what_they_are_understood_to_want(row: dict[str, object]) -> None:
    labels = said(str(row["text"])).labels()
    assert labels["intent"] == row["intent"]
    if row["intent"] == "UNKNOWN" or row["args"] is not None:
        assert labels["tool"] == row["tool"]


def test_a_sentence_is_understood_within_its_budget() -> None:
    """99 of 100 of them; measured in time of this thread, so that other work on the machine doesn't count."""
    taken: list[float] = []
    for row in ROWS:
        start = time.thread_time()
        understand(str(row["text"]), NOW, "UTC")
        taken.append(time.thread_time() - start)
    assert sorted(taken)[len(taken) * 99 // 100] <= BUDGET
