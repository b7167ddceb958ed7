"""The pool is a queue: who has waited longest is next."""

from __future__ import annotations

import asyncio

import pytest

from db.connection import Database

pytestmark = pytest.mark.anyio


async def test_connections_are_given_in_the_order_in_which_they_were_asked_for(dsn: str) -> None:
    """Also to those who come back at once, or just when a connection becomes free."""
    db = Database(dsn, size=1, name="test turns")
    asked: list[int] = []
    served: list[int] = []

    async def lane(place: int) -> None:
        for visit in range(10):
            for _ in range(place * visit % 7):  # so that some arrive in every turn of the loop
                await asyncio.sleep(0)
            asked.append(place)
            async with db.as_system():
                served.append(place)

    await db.open()
    await asyncio.gather(*(lane(place) for place in range(10)))
    await db.close()

    assert served == asked
