"""Values that fields wait for."""

from __future__ import annotations

import asyncio
from inspect import CORO_CLOSED, getcoroutinestate

import pytest

from edge.plans.running import settle

pytestmark = pytest.mark.anyio


async def test_a_coroutine_whose_turn_never_comes_is_closed() -> None:
    """What is awaited before it fails: nobody waits for it any more, and its end tells nobody off."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    failed.set_exception(ValueError("gone"))
    work = asyncio.sleep(0)

    with pytest.raises(ValueError, match="gone"):
        await settle([failed, work])

    assert getcoroutinestate(work) == CORO_CLOSED
