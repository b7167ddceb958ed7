"""What is read of a stream: places, pages, and what one page may follow on another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar
from uuid import UUID

from events.source import Told


class Entry(Protocol):
    """What is read of an event: its place."""

    @property
    def seq(self) -> int: ...
    @property
    def follows(self) -> int | None:
        """The seq before it, where that isn't the next lower one because what stood between was pruned."""
        ...


E = TypeVar("E", bound=Entry)


class BrokenLog(Exception):
    """A stream's table does not go on where a reader stands: it was pruned, or what writes it has a bug."""

    def __init__(self, stream: UUID, expected: int, found: int) -> None:
        super().__init__(f"stream {stream}: expected seq {expected}, found {found}")
        self.stream, self.expected, self.found = stream, expected, found


class LogTruncated(Exception):
    """The log has begun another life since: its tail may be lost, and its seqs may be given anew."""


class Barred(Exception):
    """The reader may not read this stream any more: its owner is gone."""


class Slow(Exception):
    """The reader has not asked for more for too long."""


class Batch(Generic[E]):
    """The events from just behind `continues_from` up to `last`, at least one.

    The same object for all readers that stood at the same place; `told` is what the first of them made of it.
    """

    __slots__ = ("continues_from", "events", "is_full", "last", "told")

    def __init__(self, continues_from: int, last: int, events: list[E], *, is_full: bool) -> None:
        self.continues_from, self.last, self.events = continues_from, last, events
        self.is_full = is_full
        "Whether more may stand behind it."
        self.told: Told | None = None


class Silence:
    """Nothing has come for a while."""

    __slots__ = ()


SILENCE = Silence()
Item: TypeAlias = Batch[E] | Silence


def checked(stream: UUID, after: int, events: Sequence[Entry]) -> None:
    """Raises BrokenLog unless these continue what ends with `after`."""
    last = after
    for event in events:
        before = event.seq - 1 if event.follows is None else event.follows
        if before > last or event.seq <= last:
            raise BrokenLog(stream, last + 1, event.seq)
        last = event.seq


class Place(NamedTuple):
    """Where somebody stands in a stream, and whose stream they may read."""

    stream: UUID
    user_id: UUID
    after: int


class Page(NamedTuple, Generic[E]):
    """What stands after a place, and in which life of the log."""

    events: list[E]
    epoch: int


class Standing(NamedTuple):
    """How far a stream has come, how far its old end was pruned, and in which life of the log."""

    newest: int
    pruned: int
    epoch: int


class Reading(Protocol[E]):
    """The table, as the feed reads it. Both may raise Unavailable, and are asked again then."""

    async def read(self, places: Sequence[Place], size: int) -> list[Page[E]]:
        """For each place what follows it, ascending, `size` events at most; of its user's rows only."""
        ...

    async def look(self, kind: str, streams: Sequence[tuple[UUID, UUID]]) -> list[Standing | None]:
        """How far each stream of this kind has come; None where it is not, or no longer, this user's."""
        ...
