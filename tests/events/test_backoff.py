"""Attempts become rarer, up to a bound, and spread."""

from __future__ import annotations

import pytest

from events.backoff import Backoff, jittered


def test_each_failure_in_a_row_waits_about_twice_as_long_up_to_a_bound() -> None:
    backoff = Backoff(first=1, most=6)
    for longest in (1, 2, 4, 6, 6):
        assert longest / 2 <= backoff.failed() <= longest


def test_a_success_forgets_the_failures() -> None:
    backoff = Backoff(first=1, most=100)
    for _ in range(5):
        backoff.failed()
    backoff.succeeded()
    assert backoff.failed() <= 1


def test_a_jittered_time_is_spread_over_its_upper_half() -> None:
    times = [jittered(10) for _ in range(1_000)]
    assert min(times) >= 5
    assert max(times) <= 10
    assert max(times) - min(times) == pytest.approx(5, abs=0.5)
