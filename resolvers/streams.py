"""Streams: a snapshot, every event after it, and an honest end. One mechanism for all kinds of stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from db.events import EventRow, FoundRow
from db.session import Reader
from errors import FutureCursor, NotFound, Unavailable
from events.backoff import Backoff
from events.cursor import Cursor
from events.follower import Follower
from events.source import CloseReason, Stream, Take, Told
from events.stream import Barred, Batch, BrokenLog, Item, LogTruncated, Silence, Slow
from resolvers.services import Services


class ResetCause(StrEnum):
    """Why a stream could not go on where it was."""

    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    LOG_TRUNCATED = "LOG_TRUNCATED"


@dataclass(frozen=True, slots=True)
class Opened:
    """What the stream is about, as it was at `cursor`."""

    cursor: str
    snapshot: object


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of the log, each once, from where the frame before ended."""

    cursor: str
    continues_from: str
    events: list[FoundRow]


@dataclass(frozen=True, slots=True)
class Reset:
    """What was between the frame before and `cursor` is lost to this stream: it goes on from the snapshot."""

    cursor: str
    cause: ResetCause
    snapshot: object


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing happened for a while."""

    cursor: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The end, and whether to come back."""

    cursor: str
    reason: CloseReason


Frame: TypeAlias = Opened | Entries | Reset | Quiet | Closed
Show: TypeAlias = Callable[[Frame], object]
"Makes of a frame what clients see."


class Owner(Protocol):
    """The row that owns a stream, and how its log stands (`db.streams`)."""

    @property
    def last_seq(self) -> int: ...
    @property
    def pruned_seq(self) -> int: ...
    @property
    def epoch(self) -> int: ...


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What the streams of one kind have of their own. `name` is one of `resolvers.logs`."""

    name: str
    find: Callable[[Reader, UUID, UUID], Awaitable[Owner | None]]
    "The owner's row as it is, by user and stream; None where it is not there or not this user's."
    at: Callable[[Reader, Any, int], Awaitable[object | None]]
    "The snapshot at an older seq; None where too much of the log was pruned to tell it."
    is_over: Callable[[Any], bool]
    "Whether nothing can follow, by the owner's row."
    ends_with: Callable[[EventRow], bool]
    "Whether nothing can follow this entry."
    now: Callable[[Any], int] = attrgetter("last_seq")
    "Where to begin so that nothing is missed of what is going on, by the owner's row."


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a stream begins to be told."""

    seq: int
    epoch: int
    snapshot: object
    is_over: bool
    cause: ResetCause | None
    "Why it is not where it was asked for."


async def open_stream(
    services: Services,
    kind: StreamKind,
    stream: UUID,
    user_id: UUID,
    after: str | None,
    *,
    from_now: bool,
    show: Show,
) -> Stream:
    """A user's stream after a cursor, or from its start, or from now.

    Holds no connection while it waits. Raises NotFound, InvalidCursor and FutureCursor.
    """
    cursor = None if after is None else Cursor.parse(after, stream)
    start = await _start(services, kind, stream, user_id, cursor, from_now)
    return _Open(services, kind, stream, user_id, start, show)


async def _start(
    services: Services, kind: StreamKind, stream: UUID, user_id: UUID, cursor: Cursor | None, from_now: bool
) -> _Start:
    reader = services.logs.openings.reading(user_id)
    owner = await kind.find(reader, user_id, stream)
    if owner is None:
        raise NotFound
    services.logs.epoch = owner.epoch
    seq, cause = _place(owner, _since(kind, owner, cursor, from_now))
    if cause is None and seq < owner.last_seq:
        snapshot = await kind.at(reader, owner, seq)
        if snapshot is not None:
            return _Start(seq, owner.epoch, snapshot, False, None)
        cause = ResetCause.CURSOR_EXPIRED
    return _Start(owner.last_seq, owner.epoch, owner, kind.is_over(owner), cause)


def _since(kind: StreamKind, owner: Owner, cursor: Cursor | None, from_now: bool) -> Cursor:
    """Where it is asked for."""
    return cursor or Cursor(UUID(int=0), kind.now(owner) if from_now else 0)


def _place(owner: Owner, since: Cursor) -> tuple[int, ResetCause | None]:
    """Where to begin, and why not where it was asked for. Raises FutureCursor."""
    newest = owner.last_seq
    if since.is_of_another_life(owner.epoch):
        return newest, ResetCause.LOG_TRUNCATED
    if since.seq > newest:
        raise FutureCursor
    return (since.seq, None) if since.seq >= owner.pruned_seq else (newest, ResetCause.CURSOR_EXPIRED)


class _Open(Stream):
    """One subscriber's stream: what to tell next."""

    __slots__ = (
        "_at",
        "_epoch",
        "_follower",
        "_kind",
        "_ready",
        "_reason",
        "_reopening",
        "_seq",
        "_services",
        "_show",
        "_stream",
        "_take",
        "_text",
        "_user_id",
    )

    def __init__(
        self, services: Services, kind: StreamKind, stream: UUID, user_id: UUID, start: _Start, show: Show
    ) -> None:
        self._services, self._kind, self._show = services, kind, show
        self._stream, self._user_id = stream, user_id
        self._take: Take[Told] | None = None
        self._reason: CloseReason | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._at, self._text = (-1, 0), ""
        self._begin(start)
        cursor = self._cursor(start.seq)
        self._ready = deque([self._told(Opened(cursor, start.snapshot))])
        if start.cause is not None:
            self._ready.append(self._told(Reset(cursor, start.cause, start.snapshot)))

    def _begin(self, start: _Start) -> None:
        self._seq, self._epoch = start.seq, start.epoch
        self._follower: Follower[FoundRow] | None = None
        if start.is_over:
            self._reason = CloseReason.TERMINAL
        else:
            self._follower = self._services.feed.follow(
                self._kind.name, self._stream, self._user_id, start.seq, start.epoch
            )

    def ask(self, take: Take[Told]) -> None:
        """Part of Source."""
        if self._ready:
            take(self._ready.popleft())
        elif self._follower is not None:
            self._take = take
            self._follower.ask(self._hear)
        elif self._reopening is not None:
            self._take = take
        else:
            reason, self._reason = self._reason, None
            take(None if reason is None else self._told(Closed(self._cursor(self._seq), reason)))

    def end(self, reason: CloseReason) -> None:
        """Part of Stream."""
        if self._follower is None and self._reopening is None:
            return  # it has ended already, for a reason of its own
        self._leave(reason)
        self._ask_again()

    def _ask_again(self) -> None:
        take, self._take = self._take, None
        if take is not None:
            self.ask(take)

    def close(self) -> None:
        """Part of Source."""
        self._ready.clear()
        self._leave(None)
        self._take = None

    def _leave(self, reason: CloseReason | None) -> None:
        self._reason = reason
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()
        reopening, self._reopening = self._reopening, None
        if reopening is not None:
            reopening.cancel()

    def _hear(self, item: Item[FoundRow] | Exception | None) -> None:
        if isinstance(item, Batch):
            self._answer(self._told_of(item))
        elif isinstance(item, Silence):
            self._answer(self._told(Quiet(self._cursor(self._seq))))
        elif isinstance(item, Barred):
            self.end(CloseReason.FORBIDDEN)
        elif isinstance(item, Slow):
            self.end(CloseReason.SLOW_CONSUMER)
        elif isinstance(item, BrokenLog | LogTruncated):
            self._follower = None
            self._reopening = asyncio.create_task(self._reopen(item))
        else:
            self._leave(None)
            self._answer(item)

    def _told_of(self, batch: Batch[FoundRow]) -> Told:
        """The first one who stands here makes the frame for all."""
        self._seq = batch.last
        if self._kind.ends_with(batch.events[-1]):
            self._leave(CloseReason.TERMINAL)
        if batch.told is None:
            before, cursor = self._cursor(batch.continues_from), self._cursor(batch.last)
            frame = Entries(cursor, before, batch.events)
            batch.told = Told(self._show(frame), cursor, is_shared=True)
        return batch.told

    async def _reopen(self, why: BrokenLog | LogTruncated) -> None:
        """Go on from today's snapshot. A log with a hole that nobody pruned is a fault of ours."""
        try:
            start = await self._restart()
        except NotFound:
            self.end(CloseReason.FORBIDDEN)
            return
        except Exception as error:
            self._leave(None)
            self._answer(error)
            return
        self._reopening = None
        if start.cause is None and isinstance(why, BrokenLog):
            self._answer(why)
            return
        self._begin(start)
        if start.cause is not None:
            self._ready.append(self._told(Reset(self._cursor(start.seq), start.cause, start.snapshot)))
        self._ask_again()

    async def _restart(self) -> _Start:
        cursor = Cursor(self._stream, self._seq, self._epoch)
        backoff = Backoff()
        while True:
            with suppress(Unavailable):
                return await _start(
                    self._services, self._kind, self._stream, self._user_id, cursor, from_now=False
                )
            await asyncio.sleep(backoff.failed())

    def _answer(self, told: Told | Exception | None) -> None:
        take, self._take = self._take, None
        if take is not None:
            take(told)

    def _told(self, frame: Opened | Reset | Quiet | Closed) -> Told:
        return Told(self._show(frame), frame.cursor, is_shared=False)

    def _cursor(self, seq: int) -> str:
        """Asked for again where the next frame says what it follows: so the newest is kept."""
        if self._at != (seq, self._epoch):
            self._at = seq, self._epoch
            self._text = Cursor(self._stream, seq, self._epoch).encode()
        return self._text
