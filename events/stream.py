"""The loop of a stream: register for hints, read the table to its end, wait, again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from errors import Unavailable
from events.backoff import jittered
from events.hub import Hub


class Entry(Protocol):
    """What is read of an event: its place."""

    @property
    def seq(self) -> int: ...


E = TypeVar("E", bound=Entry)


class BrokenLog(Exception):
    """A stream's table has a hole, a double or another order: there is a bug in what writes it."""

    def __init__(self, stream: UUID, expected: int, found: int) -> None:
        super().__init__(f"stream {stream}: expected seq {expected}, found {found}")
        self.stream, self.expected, self.found = stream, expected, found


@dataclass(frozen=True, slots=True)
class Batch(Generic[E]):
    """The events from just behind `continues_from` up to `last`, at least one."""

    continues_from: int
    last: int
    events: list[E]


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing has come after `last` for a while."""

    last: int


async def follow(
    hub: Hub,
    read: Callable[[int, int], Awaitable[list[E]]],
    stream: UUID,
    after: int,
    *,
    poll_seconds: float,
    heartbeat_seconds: float,
    page: int = 200,
) -> AsyncGenerator[Batch[E] | Silence]:
    """Every event after `after`, each once and in order; it ends only when it is closed.

    `read(after, limit)` answers what the table holds after a seq, ascending. It is called on each ring
    and at least every `poll_seconds`; between batches the table is read no further, and nothing is held.
    A read that raises Unavailable is tried again; whatever else it raises ends the stream. Raises
    BrokenLog rather than hand on events with a hole between them.
    """
    clock = asyncio.get_running_loop().time
    with hub.listen(stream.hex) as bell:
        last, heard = after, clock()
        while True:
            events = await _events(read, last, page)
            is_full = len(events) >= page
            if events:
                _check(stream, last, events)
                came_from, last = last, events[-1].seq
                yield Batch(came_from, last, events)
                heard = clock()
            elif clock() >= heard + heartbeat_seconds:
                yield Silence(last)
                heard = clock()
            del events  # whoever waits holds no page
            if not is_full:
                await bell.wait(min(jittered(poll_seconds), heard + heartbeat_seconds - clock()))


async def _events(read: Callable[[int, int], Awaitable[list[E]]], after: int, limit: int) -> list[E]:
    try:
        return await read(after, limit)
    except Unavailable:
        return []


def _check(stream: UUID, last: int, events: list[E]) -> None:
    for expected, event in enumerate(events, last + 1):
        if event.seq != expected:
            raise BrokenLog(stream, expected, event.seq)
