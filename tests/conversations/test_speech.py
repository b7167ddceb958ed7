"""A piece of an answer waits for others for a bounded time, and those of many runs go together."""

from __future__ import annotations

import asyncio
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from engine.worker.entry import Entry
from engine.worker.speech import BATCH_CHARACTERS, Speech
from ids import new_id
from tests.simulation.loop import SimulatedLoop

_moments = st.lists(st.floats(0, 0.2), min_size=1, max_size=20)


class Pen:
    """Of a run; remembers when it wrote."""

    def __init__(self) -> None:
        self.run: Any = SimpleNamespace(id=new_id(), reply_id=new_id(), conversation_id=new_id())
        self.wrote: list[float] = []

    def entry(self) -> Entry:
        return Entry(self.run, cast("Any", None))

    async def write(self, _: Entry) -> None:
        self.wrote.append(asyncio.get_running_loop().time())


async def speak(moment: float, piece: str) -> float:
    """A run whose model says this then: when it was written."""
    pen = Pen()
    await asyncio.sleep(moment)
    Speech(cast("Any", pen)).say(piece)
    await asyncio.sleep(1)
    (wrote,) = pen.wrote
    return wrote


def spoken(moments: list[float], piece: str) -> list[float]:
    async def all_of_them() -> list[float]:
        return await asyncio.gather(*(speak(moment, piece) for moment in moments))

    loop = SimulatedLoop(Random(0))
    try:
        return loop.run_until_complete(all_of_them())
    finally:
        loop.close()


@given(_moments)
def test_a_piece_waits_for_others_50_to_75_ms(moments: list[float]) -> None:
    for said, wrote in zip(moments, spoken(moments, "Hello"), strict=True):
        assert 0.0499 <= wrote - said <= 0.0751


@given(_moments)
def test_pieces_of_many_runs_are_written_at_a_few_moments(moments: list[float]) -> None:
    """Forty a second, however many speak: nine for what is said in 0.2 s."""
    assert len(set(spoken(moments, "Hello"))) <= 9


def test_a_long_piece_does_not_wait() -> None:
    assert spoken([0.1], "x" * BATCH_CHARACTERS) == [0.1]
