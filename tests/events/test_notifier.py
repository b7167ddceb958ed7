"""Many hints, few messages, and failures that only cost time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from errors import Unavailable
from events.hints import unpack
from events.notifier import Notifier
from tests.events.parts import PATIENCE

pytestmark = pytest.mark.anyio


class Wire:
    """Takes messages when it is let: each waits for a `go`, and some fail."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[dict[str, int]] = asyncio.Queue()
        self.go = asyncio.Semaphore(0)
        self.broken = False
        self.failed = asyncio.Event()

    async def publish(self, message: str) -> None:
        await self.go.acquire()
        if self.broken:
            self.failed.set()
            raise Unavailable
        self.taken.put_nowait(unpack(message))

    async def next(self) -> dict[str, int]:
        self.go.release()
        async with asyncio.timeout(PATIENCE):
            return await self.taken.get()


@asynccontextmanager
async def notifier(wire: Wire, **options: int) -> AsyncIterator[Notifier]:
    sender = Notifier(wire.publish, **options)
    sender.start()
    yield sender
    wire.broken = False
    for _ in range(100):
        wire.go.release()
    await sender.stop()


async def test_what_is_sent_while_a_message_is_under_way_goes_together_with_its_newest_seqs() -> None:
    wire = Wire()
    async with notifier(wire) as sender:
        sender.send({"first": 1})
        await asyncio.sleep(0)
        for seq in range(1_000):
            sender.send({"a": seq, "b": 999 - seq})
        assert await wire.next() == {"first": 1}
        assert await wire.next() == {"a": 999, "b": 999}
        assert wire.taken.empty()


async def test_a_failed_message_is_sent_again_with_what_is_newer_by_then() -> None:
    wire = Wire()
    wire.broken = True
    async with notifier(wire) as sender:
        sender.send({"a": 1, "b": 7})
        wire.go.release()
        await wire.failed.wait()
        sender.send({"a": 2, "b": 6})
        wire.broken = False
        assert await wire.next() == {"a": 2, "b": 7}


async def test_an_unexpected_error_of_a_backend_does_not_end_the_sending() -> None:
    errors = [KeyError("who knows"), OSError("gone"), RuntimeError("what")]
    sent = asyncio.Event()

    async def publish(message: str) -> None:
        if errors:
            raise errors.pop()
        sent.set()

    sender = Notifier(publish)
    sender.start()
    sender.send({"a": 1})
    async with asyncio.timeout(PATIENCE):
        await sent.wait()
    await sender.stop()


async def test_what_waits_during_an_outage_is_bounded() -> None:
    wire = Wire()
    async with notifier(wire, most_topics=10) as sender:
        for topic in range(1_000):
            sender.send({str(topic): 1})
        sender.send({"3": 5})
        assert await wire.next() == {str(topic): 5 if topic == 3 else 1 for topic in range(10)}


async def test_sending_never_raises_whatever_the_topic() -> None:
    wire = Wire()
    async with notifier(wire) as sender:
        sender.send({"x" * 10_000: 1, "\0": 1, "": 1, "queue": 0})
        assert await wire.next() | await wire.next() == {"\0": 1, "": 1, "queue": 0}


async def test_what_waits_at_the_end_is_still_sent() -> None:
    wire = Wire()
    wire.go.release()
    sender = Notifier(wire.publish)
    sender.start()
    sender.send({"a": 1})
    await sender.stop()
    assert wire.taken.get_nowait() == {"a": 1}


async def test_the_end_does_not_wait_for_a_backend_that_hangs() -> None:
    sender = Notifier(Wire().publish)
    sender.start()
    sender.send({"a": 1})
    async with asyncio.timeout(PATIENCE):
        await sender.stop()


async def test_a_notifier_that_has_ended_takes_hints_and_drops_them() -> None:
    sender = Notifier(Wire().publish, most_topics=5)
    sender.start()
    await sender.stop()
    sender.send({"a": 1})
    await sender.stop()
