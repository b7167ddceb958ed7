"""Every event, each once, in order, from wherever a reader begins and whatever is lost on the way."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from broadcaster import Broadcast
from hypothesis import given
from hypothesis import strategies as st

from db.connection import Database
from db.events import EventRow, insert_activity, read_events
from errors import Unavailable
from events.hub import Hub
from events.stream import Batch, BrokenLog, Silence, follow
from tests.events.parts import PATIENCE, healthy_hub, kill, postgres

pytestmark = pytest.mark.anyio

STREAM = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
NEVER = 3_600.0


@dataclass(eq=False)
class Entry:
    seq: int


class Table:
    """A log in memory, and how often it was read."""

    def __init__(self, size: int = 0) -> None:
        self.entries = [Entry(n + 1) for n in range(size)]
        self.reads = 0

    def append(self) -> None:
        self.entries.append(Entry(len(self.entries) + 1))

    async def read(self, after: int, limit: int) -> list[Entry]:
        self.reads += 1
        return self.entries[after : after + limit]


@pytest.fixture
def hub() -> Hub:
    """Rung by hand."""
    return Hub(Broadcast("memory://"))


def _follow(hub: Hub, read, after: int = 0, page: int = 200, heartbeat: float = NEVER, poll: float = NEVER):
    return aclosing(
        follow(hub, read, STREAM, after, poll_seconds=poll, heartbeat_seconds=heartbeat, page=page)
    )


async def _next(frames: AsyncIterator[Batch[Entry] | Silence]) -> Batch[Entry] | Silence:
    async with asyncio.timeout(PATIENCE):
        return await anext(frames)


async def _batch(frames: AsyncIterator[Batch[Entry] | Silence]) -> tuple[int, list[int]]:
    batch = await _next(frames)
    assert isinstance(batch, Batch)
    assert batch.last == batch.events[-1].seq
    return batch.continues_from, [event.seq for event in batch.events]


async def test_what_is_there_comes_in_pages_that_continue_each_other(hub: Hub) -> None:
    async with _follow(hub, Table(7).read, page=3) as frames:
        assert await _batch(frames) == (0, [1, 2, 3])
        assert await _batch(frames) == (3, [4, 5, 6])
        assert await _batch(frames) == (6, [7])


async def test_a_reader_begins_behind_its_cursor(hub: Hub) -> None:
    async with _follow(hub, Table(7).read, after=5) as frames:
        assert await _batch(frames) == (5, [6, 7])


async def test_what_is_new_comes_when_it_is_rung(hub: Hub) -> None:
    table = Table(1)
    async with _follow(hub, table.read) as frames:
        assert await _batch(frames) == (0, [1])
        waiting = asyncio.create_task(_batch(frames))
        await asyncio.sleep(0)
        table.append()
        hub.ring_all()
        assert await waiting == (1, [2])


async def test_a_lost_hint_costs_a_poll(hub: Hub) -> None:
    table = Table()
    async with _follow(hub, table.read, poll=0.001) as frames:
        waiting = asyncio.create_task(_batch(frames))
        await asyncio.sleep(0)
        table.append()
        assert await waiting == (0, [1])


async def test_what_is_committed_while_the_table_is_read_is_not_missed(hub: Hub) -> None:
    """The reader registers before it reads: a hint that comes too early is still heard."""
    table = Table()

    async def read(after: int, limit: int) -> list[Entry]:
        found = await table.read(after, limit)
        if table.reads == 1:
            table.append()
            hub.ring_all()
        return found

    async with _follow(hub, read) as frames:
        assert await _batch(frames) == (0, [1])


async def test_silence_is_said_though_polls_find_nothing(hub: Hub) -> None:
    clock = asyncio.get_running_loop().time
    table = Table(4)
    async with _follow(hub, table.read, after=4, poll=0.002, heartbeat=0.03) as frames:
        for _ in range(2):
            began = clock()
            assert await _next(frames) == Silence(4)
            assert clock() - began >= 0.03
    assert table.reads > 4


async def test_silence_is_said_though_rings_find_nothing(hub: Hub) -> None:
    table = Table()

    async def read(after: int, limit: int) -> list[Entry]:
        hub.ring_all()
        return await table.read(after, limit)

    async with _follow(hub, read, heartbeat=0.01) as frames:
        assert await _next(frames) == Silence(0)


async def test_silence_is_counted_from_the_last_batch(hub: Hub) -> None:
    clock = asyncio.get_running_loop().time
    async with _follow(hub, Table(1).read, heartbeat=0.03) as frames:
        assert await _batch(frames) == (0, [1])
        began = clock()
        assert await _next(frames) == Silence(1)
        assert clock() - began >= 0.03


@pytest.mark.parametrize(
    ("seqs", "expected", "found"),
    [([2], 1, 2), ([1, 3], 2, 3), ([1, 1], 2, 1), ([2, 1], 1, 2), ([0, 1], 1, 0), ([1, 2, 4, 5], 3, 4)],
)
async def test_a_log_with_a_hole_a_double_or_another_order_is_not_streamed(
    hub: Hub, seqs: list[int], expected: int, found: int
) -> None:
    async def read(after: int, limit: int) -> list[Entry]:
        return [Entry(seq) for seq in seqs]

    async with _follow(hub, read) as frames:
        with pytest.raises(BrokenLog) as caught:
            await _next(frames)
    assert (caught.value.stream, caught.value.expected, caught.value.found) == (STREAM, expected, found)


async def test_a_database_that_is_away_for_a_while_does_not_end_the_stream(hub: Hub) -> None:
    table = Table(2)

    async def read(after: int, limit: int) -> list[Entry]:
        found = await table.read(after, limit)
        if table.reads in {1, 3}:
            hub.ring_all()
            raise Unavailable
        return found

    async with _follow(hub, read, page=1) as frames:
        assert await _batch(frames) == (0, [1])
        assert await _batch(frames) == (1, [2])


async def test_any_other_failure_of_a_read_is_the_readers(hub: Hub) -> None:
    async def read(after: int, limit: int) -> list[Entry]:
        raise PermissionError

    async with _follow(hub, read) as frames:
        with pytest.raises(PermissionError):
            await _next(frames)
    assert hub._bells == {}


async def test_a_stream_that_is_closed_is_forgotten_at_once(hub: Hub) -> None:
    async with _follow(hub, Table(1).read) as frames:
        await _next(frames)
        waiting = asyncio.create_task(_next(frames))
        await asyncio.sleep(0)
        waiting.cancel()
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        assert hub._bells == {}


async def test_a_reader_that_does_not_come_back_reads_the_table_no_further(hub: Hub) -> None:
    table = Table(10)
    async with _follow(hub, table.read, page=2, poll=0) as frames:
        await _next(frames)
        for _ in range(10):
            hub.ring_all()
            await asyncio.sleep(0)
        assert table.reads == 1


async def test_nothing_that_was_read_is_held_while_waiting(hub: Hub) -> None:
    held = [Entry(1)]
    entry = weakref.ref(held[0])

    async def read(after: int, limit: int) -> list[Entry]:
        return [held.pop()] if held else []

    async with _follow(hub, read) as frames:
        assert await _batch(frames) == (0, [1])
        waiting = asyncio.create_task(_next(frames))
        await asyncio.sleep(0)
        assert entry() is None
        waiting.cancel()
        await asyncio.wait({waiting})


@given(
    size=st.integers(0, 60),
    before=st.integers(0, 60),
    page=st.integers(1, 20),
    later=st.lists(st.integers(1, 30), max_size=5),
)
async def test_whatever_is_written_and_wherever_a_reader_begins_it_gets_the_rest(
    size: int, before: int, page: int, later: list[int]
) -> None:
    hub, table, got = Hub(Broadcast("memory://")), Table(size), list[int]()
    after, end = max(0, size - before), size + sum(later)

    async def read(after: int, limit: int) -> list[Entry]:
        found = await table.read(after, limit)
        for _ in range(later.pop() if later else 0):
            table.append()
        hub.ring_all()
        return found

    async with _follow(hub, read, after=after, page=page) as frames:
        while len(got) < end - after:
            continues_from, seqs = await _batch(frames)
            assert continues_from == after + len(got)
            assert len(seqs) <= page
            got += seqs
    assert got == list(range(after + 1, end + 1))


_WRITERS, _EACH = 8, 25
_TOTAL = _WRITERS * _EACH


async def _user(db: Database) -> UUID:
    user_id = uuid4()
    async with db.as_system() as session:
        await session._driver.execute("insert into users (id, email) values ($1, $2)", user_id, "a@b.example")
    return user_id


async def test_writers_race_and_connections_die_and_every_reader_gets_each_event_once_in_order(
    db: Database, dsn: str
) -> None:
    """No poll helps: what a killed connection lost must come back by itself."""
    user_id = await _user(db)
    committed: asyncio.Queue[None] = asyncio.Queue()
    generator = random.Random(4)

    async def write() -> None:
        for _ in range(_EACH):
            async with db.as_user(user_id) as session:
                seq = await insert_activity(session, user_id, ["Tick"], [{}])
                session.hint(user_id.hex, seq)
            committed.put_nowait(None)

    async def kill_on_and_on() -> None:
        for victim in ("% listen", "%", "% notify", "% listen") * (_TOTAL // 40):
            for _ in range(10):
                await committed.get()
            await kill(dsn, f"baton {victim.removeprefix('% ')}")

    async def read(after: int, limit: int) -> list[EventRow]:
        async with db.as_user(user_id) as session:
            return await read_events(session, user_id, user_id, after, limit)

    async def gather(hub: Hub, after: int) -> list[int]:
        seqs: list[int] = []
        frames = follow(hub, read, user_id, after, poll_seconds=NEVER, heartbeat_seconds=NEVER, page=7)
        async with aclosing(frames) as batches:
            async for batch in batches:
                assert isinstance(batch, Batch)
                seqs += [event.seq for event in batch.events]
                if batch.last == _TOTAL:
                    break
        return seqs

    async with AsyncExitStack() as stack:
        hubs = [await stack.enter_async_context(healthy_hub(postgres(dsn))) for _ in range(2)]
        db.on_commit = hubs[0].publish
        begins = [0, 0, *(generator.randrange(_TOTAL) for _ in range(6))]
        async with asyncio.timeout(3 * PATIENCE), asyncio.TaskGroup() as group:
            readers = [group.create_task(gather(hub, after)) for hub in hubs for after in begins]
            group.create_task(kill_on_and_on())
            for _ in range(_WRITERS):
                group.create_task(write())
    for reader, after in zip(readers, begins * 2, strict=True):
        assert reader.result() == list(range(after + 1, _TOTAL + 1))
