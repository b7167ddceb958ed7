"""The client's rule: cut anywhere, each prefix of what it took is the log; and no false frame gets by."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.watcher import Watcher

LENGTH = 40
VISITS = st.lists(st.integers(min_value=0, max_value=6), max_size=30)
"How many frames arrive at each visit before it is cut."


def told(after: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    """What an honest server says to somebody who has seen so much, in batches of any size."""
    yield {"__typename": "StreamOpened", "cursor": str(after)}
    while after < LENGTH:
        if dice.random() < 0.2:
            yield {"__typename": "Heartbeat", "cursor": str(after)}
        last = min(LENGTH, after + dice.randint(1, 7))
        events = [{"seq": seq} for seq in range(after + 1, last + 1)]
        yield {"__typename": "EventBatch", "cursor": str(last), "continuesFrom": str(after), "events": events}
        after = last
    yield {"__typename": "StreamClosed", "cursor": str(after), "reason": "TERMINAL"}


def visit(watcher: Watcher, frames: Iterator[dict[str, Any]], count: int | None) -> list[int]:
    """Take so many of these frames; the seqs of their events."""
    seqs: list[int] = []
    for taken, frame in enumerate(frames):
        if taken == count:
            break
        watcher.take(frame)
        seqs += [event["seq"] for event in frame.get("events", ())]
    return seqs


@given(VISITS, st.randoms(use_true_random=False))
def test_every_prefix_of_what_was_taken_is_the_log(visits: list[int], dice: random.Random) -> None:
    watcher, seqs = Watcher(lambda: "", "", ""), []
    for count in [*visits, None]:
        if watcher.closes["TERMINAL"]:
            break
        seqs += visit(watcher, told(int(watcher.cursor or 0), dice), count)
        assert seqs == list(range(1, len(seqs) + 1))
        assert watcher.seen == len(seqs)

    assert seqs == list(range(1, LENGTH + 1))


@given(st.integers(min_value=0, max_value=LENGTH - 1), st.integers(0, LENGTH - 1), st.randoms())
def test_a_server_that_goes_on_elsewhere_is_found_out(right: int, wrong: int, dice: random.Random) -> None:
    """It sends again what was seen, or leaves something out."""
    watcher = Watcher(lambda: "", "", "")
    watcher.cursor, watcher.seen = str(right), right
    if right == wrong:
        visit(watcher, told(wrong, dice), None)
        return
    with pytest.raises(AssertionError):
        visit(watcher, told(wrong, dice), None)


@given(st.integers(1, LENGTH - 1), st.randoms())
def test_an_event_that_is_left_out_of_a_batch_is_found_out(at: int, dice: random.Random) -> None:
    watcher = Watcher(lambda: "", "", "")

    def spoilt() -> Iterator[dict[str, Any]]:
        for frame in told(0, dice):
            events = frame.get("events", [])
            yield frame | {"events": [event for event in events if event["seq"] != at]}

    with pytest.raises(AssertionError):
        visit(watcher, spoilt(), None)
    assert watcher.seen == at - 1
