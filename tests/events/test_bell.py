"""A ring is never lost, and many are one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.bell import Bell
from tests.events.parts import PATIENCE

pytestmark = pytest.mark.anyio


async def test_a_wait_ends_when_the_bell_rings() -> None:
    bell = Bell()
    waiting = asyncio.create_task(bell.wait(PATIENCE))
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring()
    assert await waiting


async def test_a_wait_that_nobody_ends_says_so() -> None:
    assert not await Bell().wait(0.001)


async def test_a_ring_between_waits_is_heard_by_the_next_one() -> None:
    bell = Bell()
    bell.ring()
    assert await bell.wait(PATIENCE)


async def test_many_rings_are_one() -> None:
    bell = Bell()
    for _ in range(1_000):
        bell.ring()
    assert await bell.wait(0)
    assert not await bell.wait(0)


async def test_a_ring_survives_the_cancellation_of_the_wait_that_it_ended() -> None:
    bell = Bell()
    waiting = asyncio.create_task(bell.wait(PATIENCE))
    await asyncio.sleep(0)
    bell.ring()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await bell.wait(0)


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    bell = Bell()
    for _ in range(3):
        waiting = asyncio.create_task(bell.wait(PATIENCE))
        await asyncio.sleep(0)
        waiting.cancel()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert not await bell.wait(0)


async def test_a_bell_has_one_reader() -> None:
    bell = Bell()
    waiting = asyncio.create_task(bell.wait(PATIENCE))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one reader"):
        await bell.wait(0)
    bell.ring()
    assert await waiting


@given(st.lists(st.sampled_from(["ring", "wait", "cancelled wait", "wait rung late", "breathe"])))
async def test_whatever_happens_a_wait_says_true_once_for_the_rings_before_it(actions: list[str]) -> None:
    bell, is_rung = Bell(), False
    for action in actions:
        match action:
            case "ring":
                bell.ring()
                is_rung = True
            case "wait":
                assert await bell.wait(0) == is_rung
                is_rung = False
            case "cancelled wait":
                waiting = asyncio.create_task(bell.wait(PATIENCE))
                waiting.cancel()
                await asyncio.wait({waiting})
                assert waiting.cancelled()
            case "wait rung late":
                waiting = asyncio.create_task(bell.wait(PATIENCE))
                await asyncio.sleep(0)
                bell.ring()
                assert await waiting
            case _:
                await asyncio.sleep(0)


async def test_a_reader_that_is_cancelled_again_and_again_still_sees_the_last_ring() -> None:
    """Eight writers write and ring; the reader, interrupted at random places, must come to the last word."""
    bell, table, last_word = Bell(), [0], 2_000

    async def write() -> None:
        while table[0] < last_word:
            table[0] += 1
            bell.ring()
            await asyncio.sleep(0)

    async def read() -> int:
        seen = 0
        while seen < last_word:
            waiting = asyncio.create_task(bell.wait(PATIENCE))
            for _ in range(seen % 4):
                await asyncio.sleep(0)
            if seen % 3 == 0:
                waiting.cancel()
            await asyncio.wait({waiting})
            if not waiting.cancelled():
                assert waiting.result(), "a ring was lost"
            seen = table[0]
        return seen

    async with asyncio.TaskGroup() as group:
        reader = group.create_task(read())
        for _ in range(8):
            group.create_task(write())
    assert reader.result() == last_word
