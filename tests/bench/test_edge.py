"""The edge's bench runs and prints what it promises. Nothing here looks at a time."""

from __future__ import annotations

import pytest

from bench import budgets, edge

pytestmark = pytest.mark.anyio


async def test_the_edge_is_measured_beside_its_floor(dsn: str) -> None:
    """Each thing that is asked, of ours, of the bare route and of the usual way."""
    size = edge.Size(lanes=2, calls=2, users=2, rounds=1)

    printed = await edge.measure(dsn, size)

    for name in ("list", "nested", "single", "create"):
        assert f"| {name} | server µs |" in printed
    for row, count in (("Baton", 4), ("bare route", 4), ("Strawberry, SQLAlchemy", 3)):
        assert printed.count(f"| {row} |") == count
    assert "create: " in printed


async def test_budgets_are_measured(dsn: str) -> None:
    """With what is taken from the database for them."""
    printed = await budgets.measure(dsn, operations=10, slices=2)

    assert "| an operation, with budgets |" in printed
    assert "| a slice of 5,000 points |" in printed
