"""One reader's way through a stream: everything after its place, each once and in order."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from events.source import Source, Take
from events.stream import Entry, Item

E = TypeVar("E", bound=Entry)


class Desk(Protocol):
    """Who reads for followers."""

    def want(self, follower: Follower[Any]) -> None:
        """Read for it soon."""
        ...

    def drop(self, follower: Follower[Any]) -> None:
        """Forget it."""
        ...


class Channel(Generic[E]):
    """A stream that somebody follows."""

    __slots__ = ("followers", "kind", "stream", "user_id")

    def __init__(self, stream: UUID, user_id: UUID, kind: str) -> None:
        self.stream, self.user_id, self.kind = stream, user_id, kind
        self.followers: dict[Follower[E], None] = {}


class Follower(Source[Item[E]], Generic[E]):
    """One reader. Ends with LogTruncated, BrokenLog, Barred or Slow, and never by itself.

    While nothing is asked of it, nothing is read for it.
    """

    __slots__ = ("_desk", "_end", "_take", "channel", "epoch", "is_behind", "is_wanted", "last", "since")

    def __init__(self, desk: Desk, channel: Channel[E], after: int, epoch: int, now: float) -> None:
        self._desk = desk
        self.channel = channel
        self.last, self.epoch = after, epoch
        self.is_behind = True
        "Whether the table must be read before there is anything to wait for."
        self.is_wanted = False
        "Whether it stands in the desk's line, or is being read for."
        self.since = now
        "When it last asked or was told something."
        self._take: Take[Item[E]] | None = None
        self._end: Exception | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it has asked, and was not answered yet."""
        return self._take is not None

    def ask(self, take: Take[Item[E]]) -> None:
        """Part of Source."""
        if self._take is not None:
            raise RuntimeError("a follower is asked one thing at a time")
        if self._end is not None:
            take(self._end)
            return
        self._take = take
        if self.is_behind:
            self._desk.want(self)

    def close(self) -> None:
        """Part of Source."""
        self._take = None
        self._desk.drop(self)

    def wake(self) -> None:
        """Have the table read, now or as soon as it asks."""
        self.is_behind = True
        if self._take is not None:
            self._desk.want(self)

    def tell(self, item: Item[E], now: float) -> None:
        """Answer it. The feed's."""
        take, self._take = self._take, None
        self.since = now
        if take is not None:
            take(item)

    def end(self, why: Exception) -> None:
        """Be done with it: the answer to whatever it asks, now and later. The feed's."""
        self._end = why
        self._desk.drop(self)
        take, self._take = self._take, None
        if take is not None:
            take(why)
