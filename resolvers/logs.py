"""The table of events, as the feed of streams reads it: for many users in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import events
from db import streams as owners
from db.batching import Batched
from db.connection import Database
from db.events import FoundRow
from db.query import Query
from db.streams import StandingRow
from events.cursor import Cursor
from events.stream import Page, Place, Standing

EXECUTION, CONVERSATION, ACTIVITY = "execution", "conversation", "activity"
OWNERS: dict[str, Query[StandingRow]] = {
    EXECUTION: owners.EXECUTIONS,
    CONVERSATION: owners.CONVERSATIONS,
    ACTIVITY: owners.ACTIVITIES,
}
"Whose row counts the streams of each kind."


class Logs:
    """Implements `events.stream.Reading`. No row-level security here: each statement names the users."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.openings = Batched(db)
        "Where the owners of streams that are opened are read: thousands at once ask together."
        self.epoch = 0
        "The life of the log by the newest look; 0 before the first. An old one only costs a reader a reset."

    async def start(self) -> None:
        """Take the first look. Raises Unavailable."""
        async with self._db.as_system() as session:
            self.epoch = await owners.get_epoch(session)

    def cursor(self, stream: UUID, seq: int) -> str:
        """The place just behind an entry, as clients keep it."""
        return Cursor(stream, seq, self.epoch).encode()

    async def read(self, places: Sequence[Place], size: int) -> list[Page[FoundRow]]:
        """Part of Reading."""
        async with self._db.as_system() as session:
            found = await events.read_many(
                session,
                [place.stream for place in places],
                [place.user_id for place in places],
                [place.after for place in places],
                size,
            )
        if found:
            self.epoch = found[0].epoch
        pages = [Page(list[FoundRow](), self.epoch) for _ in places]
        for row in found:
            pages[row.place - 1].events.append(row)
        return pages

    async def look(self, kind: str, streams: Sequence[tuple[UUID, UUID]]) -> list[Standing | None]:
        """Part of Reading."""
        async with self._db.as_system() as session:
            found = await owners.get_standings(session, OWNERS[kind], streams)
        self.epoch = found[0].epoch
        return [
            None if row.last_seq is None else Standing(row.last_seq, row.pruned_seq, row.epoch)
            for row in found
        ]
