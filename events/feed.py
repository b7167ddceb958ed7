"""The reader of a process: streams that are woken together are read in one statement, for all followers.

Hints wake it. What a lost hint leaves behind, the slow poll finds: one statement for many streams too.
Its tasks are as many for five thousand followers as for one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar
from uuid import UUID

from errors import Unavailable
from events.backoff import Backoff, jittered
from events.follower import Channel, Follower
from events.stream import (
    SILENCE,
    Barred,
    Batch,
    BrokenLog,
    Entry,
    LogTruncated,
    Page,
    Place,
    Reading,
    Slow,
    Standing,
    checked,
)

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Entry)
T = TypeVar("T")

_READERS = 2
"Statements under way at a time: while Postgres carries out one, what another brought is told."
_STREAMS_A_READ = 100
_STREAMS_A_POLL = 500
_TOLD_AT_A_TIME = 200
_BEATS = 8
"Looks at the clock in each heartbeat interval: how much later than promised one may come."


@dataclass(slots=True)
class _Group(Generic[E]):
    """Those who stand at one place."""

    place: Place
    followers: list[Follower[E]]


class Feed(Generic[E]):
    """Followers of streams, by topic."""

    def __init__(
        self,
        reading: Reading[E],
        *,
        poll_seconds: float,
        heartbeat_seconds: float,
        slow_seconds: float,
        page: int = 200,
    ) -> None:
        self._reading = reading
        self._poll_seconds, self._heartbeat_seconds = poll_seconds, heartbeat_seconds
        self._slow_seconds, self._page = slow_seconds, page
        self._channels: dict[str, Channel[E]] = {}
        self._line: deque[Follower[E]] = deque()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to read."""
        self._clock = asyncio.get_running_loop().time
        works = [*(self._read_on() for _ in range(_READERS)), self._poll_on(), self._beat_on()]
        self._tasks = [asyncio.create_task(work, name="streams: feed") for work in works]

    async def stop(self) -> None:
        """Read no more. Who still waits is left waiting."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def follow(self, kind: str, stream: UUID, user_id: UUID, after: int, epoch: int) -> Follower[E]:
        """A reader behind the seq `after`. The caller has made sure that this user may read the stream."""
        channel = self._channels.setdefault(stream.hex, Channel(stream, user_id, kind))
        if channel.user_id != user_id:
            raise PermissionError("a stream has one owner")
        follower = Follower(self, channel, after, epoch, self._clock())
        channel.followers[follower] = None
        return follower

    def hear(self, hints: Mapping[str, int]) -> None:
        """Topics, each with its newest seq."""
        for topic, seq in hints.items():
            channel = self._channels.get(topic)
            if channel is not None:
                _wake(channel, seq)

    def hear_all(self) -> None:
        """Hints may have been lost."""
        for channel in self._channels.values():
            for follower in channel.followers:
                follower.wake()

    def want(self, follower: Follower[E]) -> None:
        """Part of Desk."""
        if not follower.is_wanted:
            follower.is_wanted = True
            self._line.append(follower)
            self._news.set()

    def drop(self, follower: Follower[E]) -> None:
        """Part of Desk."""
        channel = follower.channel
        channel.followers.pop(follower, None)
        if not channel.followers and self._channels.get(channel.stream.hex) is channel:
            del self._channels[channel.stream.hex]

    # Reading

    async def _read_on(self) -> None:
        backoff = Backoff()
        while True:
            await self._news.wait()
            if not await self._read_once():
                await asyncio.sleep(backoff.failed())
            else:
                backoff.succeeded()

    async def _read_once(self) -> bool:
        """Whether the table could be read. Holds what it has read no longer than it takes to tell."""
        groups = self._next_groups()
        if not groups:
            self._news.clear()
            return True
        try:
            pages = await self._reading.read([group.place for group in groups], self._page)
        except Unavailable:
            _put_back(groups)
            return False
        except Exception as error:  # a bug of ours must not stop the reading for everybody else
            log.exception("streams: cannot read")
            _end_all(groups, error)
        else:
            await self._tell_all(groups, pages)
        return True

    def _next_groups(self) -> list[_Group[E]]:
        """Who stands at the same place of the same stream is read for once."""
        groups: dict[tuple[UUID, int], _Group[E]] = {}
        while self._line and len(groups) < _STREAMS_A_READ:
            follower = self._line.popleft()
            if not follower.is_waiting:
                follower.is_wanted = False
                continue
            follower.is_behind = False  # what is hinted from here on may not be in this page
            channel, last = follower.channel, follower.last
            group = groups.get((channel.stream, last))
            if group is None:
                place = Place(channel.stream, channel.user_id, last)
                followers: list[Follower[E]] = []
                group = groups[channel.stream, last] = _Group(place, followers)
            group.followers.append(follower)
        return list(groups.values())

    async def _tell_all(self, groups: list[_Group[E]], pages: list[Page[E]]) -> None:
        count = 0
        for group, page in zip(groups, pages, strict=True):
            told = self._news_of(group, page)
            for follower in group.followers:
                self._tell(follower, told, page.epoch)
                count += 1
                if count % _TOLD_AT_A_TIME == 0:
                    await asyncio.sleep(0)
        await asyncio.sleep(0)  # however fast the table is, others have their turn

    def _news_of(self, group: _Group[E], page: Page[E]) -> Batch[E] | BrokenLog | None:
        """What those who stand here are told, all the same; None where there is nothing."""
        place, events = group.place, page.events
        if not events:
            return None
        try:
            checked(place.stream, place.after, events)
        except BrokenLog as error:
            return error
        return Batch(place.after, events[-1].seq, events, is_full=len(events) >= self._page)

    def _tell(self, follower: Follower[E], told: Batch[E] | BrokenLog | None, epoch: int) -> None:
        follower.is_wanted = False
        if told is None:
            self._go_on(follower)
        elif isinstance(told, BrokenLog):
            follower.end(told)
        elif follower.epoch != epoch:
            follower.end(LogTruncated())
        else:
            follower.last = told.last
            follower.is_behind |= told.is_full
            _carefully(follower, told, self._clock())

    def _go_on(self, follower: Follower[E]) -> None:
        """What was hinted while it was read for is read next."""
        if follower.is_waiting and follower.is_behind:
            self.want(follower)

    # The clock

    async def _poll_on(self) -> None:
        """Look at every stream in turn, spread over the interval."""
        while True:
            channels = list(self._channels.values())
            parts = [
                (kind, part)
                for kind in {channel.kind for channel in channels}
                for part in _parts([one for one in channels if one.kind == kind], _STREAMS_A_POLL)
            ]
            for kind, part in parts:
                await asyncio.sleep(jittered(self._poll_seconds) / len(parts))
                await self._poll(kind, part)
            if not parts:
                await asyncio.sleep(jittered(self._poll_seconds))

    async def _poll(self, kind: str, channels: list[Channel[E]]) -> None:
        try:
            await self._look(kind, channels)
        except Unavailable:
            return  # the next one will find it back
        except Exception:
            log.exception("streams: cannot poll")

    async def _look(self, kind: str, channels: list[Channel[E]]) -> None:
        asked = [(channel.stream, channel.user_id) for channel in channels]
        before = {follower: follower.last for channel in channels for follower in channel.followers}
        for channel, standing in zip(channels, await self._reading.look(kind, asked), strict=True):
            for follower in list(channel.followers):
                why = _why_to_end(follower, before.get(follower), standing)
                if why is not None:
                    follower.end(why)
            if standing is not None:
                _wake(channel, standing.newest)

    async def _beat_on(self) -> None:
        """Say that there is silence where there is, and leave who has not asked for too long."""
        while True:
            await asyncio.sleep(min(self._heartbeat_seconds, self._slow_seconds) / _BEATS)
            now = self._clock()
            for channel in list(self._channels.values()):
                for follower in list(channel.followers):
                    self._beat(follower, now - follower.since, now)

    def _beat(self, follower: Follower[E], seconds: float, now: float) -> None:
        if follower.is_waiting:
            if seconds >= self._heartbeat_seconds:
                follower.tell(SILENCE, now)
        elif seconds >= self._slow_seconds:
            follower.end(Slow())


def _wake(channel: Channel[E], newest: int) -> None:
    for follower in channel.followers:
        if follower.last < newest:
            follower.wake()


def _why_to_end(follower: Follower[E], before: int | None, standing: Standing | None) -> Exception | None:
    """`before` is where it stood when the look began; it may have gone on since."""
    if standing is None:
        return Barred()
    if standing.epoch != follower.epoch or (before is not None and before > standing.newest):
        return LogTruncated()
    if before is not None and before < standing.pruned:
        return BrokenLog(follower.channel.stream, before + 1, standing.pruned + 1)
    return None


def _carefully(follower: Follower[E], told: Batch[E], now: float) -> None:
    try:
        follower.tell(told, now)
    except Exception as error:  # one subscriber's trouble is not the others'
        log.exception("streams: cannot tell")
        follower.end(error)


def _put_back(groups: list[_Group[E]]) -> None:
    for group in groups:
        for follower in group.followers:
            follower.is_wanted = False
            follower.wake()


def _end_all(groups: list[_Group[E]], error: Exception) -> None:
    for group in groups:
        for follower in group.followers:
            with suppress(Exception):
                follower.end(error)


def _parts(items: list[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
