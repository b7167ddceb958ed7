"""A rolling deploy, as `python -m bench.rolling` does it, for some seconds."""

from __future__ import annotations

import pytest

from bench import rolling

pytestmark = pytest.mark.anyio

QUICK = {"BATON_DRAIN_SECONDS": "1", "BATON_LEASE_SECONDS": "4", "BATON_POLL_SECONDS": "0.5"}


async def test_everything_is_replaced_under_load_and_nothing_is_lost_or_doubled(dsn: str) -> None:
    """Three servers and three workers; streams are sent off in the middle and come back."""
    printed = await rolling.measure(dsn, rolling.Size(seconds=9, people=2, settings=QUICK))

    assert "lost or doubled: 0" in printed, printed
    assert "refused: 0" in printed, printed
    assert "faults in the logs: 0" in printed, printed
    assert "replaced: 3 servers" in printed
    assert "; 3 workers" in printed
    assert "none of the streams opened again" not in printed, "nobody was sent off in the middle"
