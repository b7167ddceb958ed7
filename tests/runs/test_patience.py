"""Waits between tries double up to a bound, are drawn, and come no sooner than the other side asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import floats, integers, none

from engine.worker.patience import Patience

PATIENCE = Patience(first_seconds=1, longest_seconds=60)


@given(integers(1, 20), none() | floats(0, 1_000))
def test_each_wait_lies_in_the_upper_half_of_its_backoff(tries: int, retry_after: float | None) -> None:
    backoff = min(60.0, 2.0 ** (tries - 1))

    wait = PATIENCE.pause(tries, retry_after)

    least = backoff / 2 if retry_after is None else min(60.0, max(backoff / 2, retry_after))
    assert least <= wait <= max(least, backoff)


def test_those_who_failed_together_do_not_come_back_together() -> None:
    assert len({PATIENCE.pause(3, None) for _ in range(20)}) > 1
