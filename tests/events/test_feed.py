"""Every event, each once, in order, from wherever a reader begins and whatever is lost on the way."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from broadcaster import Broadcast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.connection import Database
from db.events import delete_events, insert_activity, read_events
from errors import Unavailable
from events.feed import Feed
from events.follower import Follower
from events.hub import Hub
from events.stream import (
    Barred,
    Batch,
    BrokenLog,
    Item,
    LogTruncated,
    Page,
    Place,
    Silence,
    Slow,
    Standing,
    checked,
)
from resolvers.logs import ACTIVITY, Logs
from tests.events.parts import PATIENCE, healthy_hub, kill, postgres

pytestmark = pytest.mark.anyio

STREAM = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
ADA = UUID("0190163d-8694-739b-aea5-966c26f8ad91")
NEVER = 3_600.0
Read = Callable[[int, int], Awaitable[list[Any]]]


@dataclass(eq=False)
class Entry:
    seq: int
    follows: int | None = None


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


class Desk:
    """Reads every stream by one function; a look finds what it is told to find."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.epoch = 1
        self.standing: Standing | None = Standing(1_000_000, 0, 1)
        self.asked: list[int] = []
        self.looks = 0

    async def read(self, places: Sequence[Place], size: int) -> list[Page[Any]]:
        self.asked.append(len(places))
        return [Page(await self._read(place.after, size), self.epoch) for place in places]

    async def look(self, kind: str, streams: Sequence[tuple[UUID, UUID]]) -> list[Standing | None]:
        self.looks += 1
        return [self.standing for _ in streams]


@pytest.fixture
def hub() -> Hub:
    """Rung by hand."""
    return Hub(Broadcast("memory://"))


@asynccontextmanager
async def feeding(
    hub: Hub,
    reading: Any,
    page: int = 200,
    heartbeat: float = NEVER,
    poll: float = NEVER,
    slow: float = NEVER,
) -> AsyncIterator[Feed[Any]]:
    feed = Feed[Any](reading, poll_seconds=poll, heartbeat_seconds=heartbeat, slow_seconds=slow, page=page)
    hub.lend(feed)
    feed.start()
    try:
        yield feed
    finally:
        await feed.stop()


@asynccontextmanager
async def _follow(hub: Hub, read: Read, after: int = 0, **options: Any) -> AsyncIterator[Follower[Any]]:
    async with feeding(hub, Desk(read), **options) as feed:
        follower = feed.follow("x", STREAM, ADA, after, 1)
        yield follower
        follower.close()
        assert not feed._channels


async def _next(frames: Follower[Any]) -> Item[Any]:
    async with asyncio.timeout(PATIENCE):
        item = await frames.next()
    assert item is not None
    return item


async def _batch(frames: Follower[Any]) -> tuple[int, list[int]]:
    batch = await _next(frames)
    assert isinstance(batch, Batch)
    assert batch.last == batch.events[-1].seq
    return batch.continues_from, [event.seq for event in batch.events]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            await asyncio.sleep(0.001)
            if condition():
                return


async def _settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


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
            assert isinstance(await _next(frames), Silence)
            assert clock() - began >= 0.03
    assert table.reads > 4


async def test_silence_is_said_though_rings_find_nothing(hub: Hub) -> None:
    table = Table()

    async def read(after: int, limit: int) -> list[Entry]:
        hub.ring_all()
        return await table.read(after, limit)

    async with _follow(hub, read, heartbeat=0.01) as frames:
        assert isinstance(await _next(frames), Silence)


async def test_silence_is_counted_from_the_last_batch(hub: Hub) -> None:
    clock = asyncio.get_running_loop().time
    async with _follow(hub, Table(1).read, heartbeat=0.03) as frames:
        assert await _batch(frames) == (0, [1])
        began = clock()
        assert isinstance(await _next(frames), Silence)
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


async def test_a_stream_that_is_closed_is_forgotten_at_once(hub: Hub) -> None:
    async with _follow(hub, Table(1).read) as frames:
        await _next(frames)
        waiting = asyncio.create_task(_next(frames))
        await asyncio.sleep(0)
        waiting.cancel()
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()


async def test_a_reader_that_does_not_come_back_reads_the_table_no_further(hub: Hub) -> None:
    table = Table(10)
    async with _follow(hub, table.read, page=2, poll=0) as frames:
        await _next(frames)
        for _ in range(10):
            hub.ring_all()
            await asyncio.sleep(0)
        assert table.reads == 1
        assert await _batch(frames) == (2, [3, 4])


async def test_nothing_that_was_read_is_held_while_waiting(hub: Hub) -> None:
    held = [Entry(1)]
    entry = weakref.ref(held[0])

    async def read(after: int, limit: int) -> list[Entry]:
        return [held.pop()] if held else []

    async with _follow(hub, read) as frames:
        assert await _batch(frames) == (0, [1])
        waiting = asyncio.create_task(_next(frames))
        await _settle()
        assert entry() is None
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_streams_that_are_woken_together_are_read_together(hub: Hub) -> None:
    """However many follow them: who stands at the same place gets the same batch."""
    table = Table(1)
    desk = Desk(table.read)
    async with feeding(hub, desk) as feed:
        streams = [uuid4() for _ in range(50)]
        followers = [feed.follow("x", stream, ADA, 0, 1) for stream in streams for _ in range(20)]
        first = await asyncio.gather(*map(_next, followers))
        assert desk.asked == [50]
        assert len({id(batch) for batch in first}) == 50
        waiting = [asyncio.create_task(_next(follower)) for follower in followers]
        await _settle()
        del desk.asked[:]
        table.append()
        feed.hear({stream.hex: 2 for stream in streams})
        await asyncio.gather(*waiting)
        assert desk.asked == [50]


async def test_a_hint_of_what_a_reader_has_seen_reads_nothing(hub: Hub) -> None:
    table = Table(3)
    async with _follow(hub, table.read) as frames:
        assert await _batch(frames) == (0, [1, 2, 3])
        waiting = asyncio.create_task(_next(frames))
        await _settle()
        reads = table.reads
        for ear in hub._ears:
            ear.hear({STREAM.hex: 3, ADA.hex: 9})
        await _settle()
        assert table.reads == reads
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_a_hint_during_a_read_leads_to_another_read_and_nothing_comes_twice(hub: Hub) -> None:
    """Two readers are at work: neither may be given a follower that the other reads for."""
    table, gate, seen = Table(2), asyncio.Event(), Counter[int]()

    async def read(after: int, limit: int) -> list[Entry]:
        found = await table.read(after, limit)
        if table.reads == 1:
            await gate.wait()
        return found

    async with _follow(hub, read) as frames:
        waiting = asyncio.create_task(_batch(frames))
        await _settle()
        table.append()
        hub.ring_all()
        await _settle()
        gate.set()
        seen.update((await waiting)[1])
        seen.update((await _batch(frames))[1])
    assert seen == {1: 1, 2: 1, 3: 1}


async def test_one_look_polls_for_many_streams(hub: Hub) -> None:
    desk = Desk(Table().read)
    desk.standing = Standing(0, 0, 1)
    async with feeding(hub, desk, poll=0.02) as feed:
        waiting = [asyncio.create_task(_next(feed.follow("x", uuid4(), ADA, 0, 1))) for _ in range(300)]
        await _settle()
        asked = len(desk.asked)
        await _until(lambda: desk.looks >= 3)
        assert len(desk.asked) == asked, "a look that finds nothing new leads to no reading"
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


@pytest.mark.parametrize(
    ("standing", "why"),
    [
        (None, Barred),
        (Standing(2, 0, 1), LogTruncated),
        (Standing(9, 0, 2), LogTruncated),
        (Standing(9, 5, 1), BrokenLog),
    ],
    ids=["the owner is gone", "the log is shorter", "another life of the log", "pruned before it was read"],
)
async def test_a_look_finds_what_no_event_tells(
    hub: Hub, standing: Standing | None, why: type[Exception]
) -> None:
    """A reader that has seen three events and waits for more."""
    desk = Desk(Table().read)
    async with feeding(hub, desk, poll=0.01) as feed:
        follower = feed.follow("x", STREAM, ADA, 3, 1)
        desk.standing = Standing(3, 0, 1)
        waiting = asyncio.create_task(_next(follower))
        await _until(lambda: desk.looks > 0)
        desk.standing = standing
        with pytest.raises(why):
            await waiting
        with pytest.raises(why):
            await _next(follower)


async def test_events_of_another_life_of_the_log_are_not_told(hub: Hub) -> None:
    desk = Desk(Table(3).read)
    desk.epoch = 2
    async with feeding(hub, desk) as feed:
        with pytest.raises(LogTruncated):
            await _next(feed.follow("x", STREAM, ADA, 0, 1))


async def test_who_does_not_ask_for_more_in_time_is_left(hub: Hub) -> None:
    """And who waits for news is not, however long there is none."""
    async with feeding(hub, Desk(Table(1).read), slow=0.05) as feed:
        idle, patient = (feed.follow("x", STREAM, ADA, after, 1) for after in (0, 1))
        waiting = asyncio.create_task(_next(patient))
        assert await _batch(idle) == (0, [1])
        await _until(lambda: idle not in idle.channel.followers)
        with pytest.raises(Slow):
            await _next(idle)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_a_stream_has_one_owner(hub: Hub) -> None:
    async with feeding(hub, Desk(Table().read)) as feed:
        feed.follow("x", STREAM, ADA, 0, 1)
        with pytest.raises(PermissionError):
            feed.follow("x", STREAM, uuid4(), 0, 1)


async def test_a_subscriber_that_raises_disturbs_nobody(hub: Hub) -> None:
    async with feeding(hub, Desk(Table(1).read)) as feed:
        bad, good = (feed.follow("x", STREAM, ADA, 0, 1) for _ in range(2))

        def fail(_: object) -> None:
            raise LookupError

        bad.ask(fail)
        assert await _batch(good) == (0, [1])
        with pytest.raises(LookupError):
            await _next(bad)


@given(st.integers(1, 30), st.lists(st.sets(st.integers(1, 30)), max_size=4), st.integers(0, 30))
def test_what_was_pruned_out_of_the_middle_is_no_hole(
    size: int, prunings: list[set[int]], after: int
) -> None:
    """From any place: every entry that is left, and never a complaint."""
    entries = [Entry(seq) for seq in range(1, size + 1)]
    for seqs in prunings:
        entries = pruned(entries, seqs)
    rest = [entry for entry in entries if entry.seq > after]
    checked(STREAM, min(after, size), rest)
    lost = [entry for entry in rest if entry is not rest[0]]
    if len(rest) > 1 and lost[0].follows is None:
        with pytest.raises(BrokenLog):
            checked(STREAM, min(after, size), lost)


def pruned(entries: list[Entry], seqs: Iterable[int]) -> list[Entry]:
    """As `delete_events` does it: what comes after a row of deleted entries follows what was before them."""
    left: list[Entry] = []
    gap: int | None = None
    for entry in entries:
        if entry.seq in seqs and entry is not entries[-1]:
            gap = gap if gap is not None else (entry.follows if entry.follows is not None else entry.seq - 1)
        else:
            left.append(entry if gap is None else Entry(entry.seq, gap))
            gap = None
    return left


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 12), st.lists(st.sets(st.integers(0, 13)), max_size=3))
async def test_postgres_prunes_as_the_model_does(db: Database, size: int, prunings: list[set[int]]) -> None:
    """The statement that deletes tells the entries that stay what they follow now."""
    user_id = await _user(db)
    entries = [Entry(seq) for seq in range(1, size + 1)]
    async with db.as_system() as session:
        await insert_activity(session, user_id, ["Tick"] * size, [{}] * size)
        for seqs in prunings:
            await delete_events(session, user_id, user_id, sorted(seqs))
            entries = pruned(entries, seqs)
        rows = await read_events(session, user_id, user_id, 0, 100)
    assert [row.seq for row in rows] == [entry.seq for entry in entries]
    assert [_before(row) for row in rows] == [_before(entry) for entry in entries]


def _before(entry: Any) -> int:
    return entry.seq - 1 if entry.follows is None else entry.follows


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
        await session._driver.execute(
            "insert into users (id, email) values ($1, $2)", user_id, f"{user_id}@b.example"
        )
    return user_id


async def test_writers_race_and_connections_die_and_every_reader_gets_each_event_once_in_order(
    db: Database, dsn: str
) -> None:
    """No poll helps: what a killed connection lost must come back by itself."""
    user_id = await _user(db)
    logs = Logs(db)
    await logs.start()
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

    async def gather(feed: Feed[Any], after: int) -> list[int]:
        seqs: list[int] = []
        follower = feed.follow(ACTIVITY, user_id, user_id, after, logs.epoch)
        while not seqs or seqs[-1] < _TOTAL:
            batch = await follower.next()
            assert isinstance(batch, Batch)
            seqs += [event.seq for event in batch.events]
        follower.close()
        return seqs

    async with AsyncExitStack() as stack:
        hubs = [await stack.enter_async_context(healthy_hub(postgres(dsn))) for _ in range(2)]
        feeds = [await stack.enter_async_context(feeding(hub, logs, page=7)) for hub in hubs]
        db.on_commit = hubs[0].publish
        begins = [0, 0, *(generator.randrange(_TOTAL) for _ in range(6))]
        async with asyncio.timeout(3 * PATIENCE), asyncio.TaskGroup() as group:
            readers = [group.create_task(gather(feed, after)) for feed in feeds for after in begins]
            group.create_task(kill_on_and_on())
            for _ in range(_WRITERS):
                group.create_task(write())
    for reader, after in zip(readers, begins * 2, strict=True):
        assert reader.result() == list(range(after + 1, _TOTAL + 1))
