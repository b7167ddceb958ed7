"""The engine itself, whole, in ten thousand histories in which things go wrong.

Its workers, its loop, its journal and its chores are the ones that run in production; the tables are in
memory, the clock and the order of turns are drawn from a seed. Workers are killed and stopped between any two
of their transactions, connections break before and after a commit, hints are lost, late or doubled, people
start and cancel runs. After each commit, and at the end, what was promised must hold (`rules.py`).
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.simulation.world import World

HISTORIES = 10_000
_AT_ONCE = 1_000
_SWEPT = 100


@pytest.fixture(autouse=True)
def without_collections() -> Iterator[None]:
    """Each history makes thousands of objects and keeps none of them: they go together, now and then."""
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("first", range(0, HISTORIES, _AT_ONCE))
def test_every_promise_holds_whatever_goes_wrong(first: int) -> None:
    """A history that breaks one can be lived again: its seed is in the failure."""
    ends: Counter[str] = Counter()
    attempts: Counter[int] = Counter()
    for seed in range(first, first + _AT_ONCE):
        world = World(seed)
        try:
            world.live()
        except BaseException as error:
            error.add_note(f"in the history of seed {seed}: World({seed}).live()")
            raise
        if seed % _SWEPT == 0:
            gc.collect()
        ends.update(run["end_reason"] for run in world.store.runs.values())
        attempts.update(run["attempt"] for run in world.store.runs.values())

    assert {"FINAL_ANSWER", "CANCELLED_BY_USER", "EFFECT_UNKNOWN"} <= ends.keys()
    assert attempts[2] > _AT_ONCE / 50, "some runs are taken over"


def test_a_history_can_be_lived_again() -> None:
    """The same seed, the same log to the last event."""
    first, again = World(17), World(17)
    first.live()
    again.live()

    assert first.store.logs == again.store.logs
    assert first.store.runs == again.store.runs
