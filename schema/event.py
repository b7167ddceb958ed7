"""What every event has, and pages of them. The kinds of event are in `schema.events`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import strawberry

from db.events import EventRow
from db.paging import Slice
from events import kinds
from events.cursor import Cursor
from schema.connection import PageInfo


@strawberry.interface(
    description="Something that happened. `(stream, seq)` is unique, and seq ascends by one without holes."
)
class Event:
    seq: int
    at: datetime
    row: strawberry.Private[Any]
    "The fact: each field is read off it when it is asked for."

    _kinds: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(cls, tells: type[Any]) -> None:
        Event._kinds[tells.kind] = cls

    @staticmethod
    def read(row: EventRow) -> Event:
        """An entry of a log as clients see it."""
        fact = kinds.peruse(row.kind, row.payload)
        make: Any = Event._kinds[row.kind]
        return make(seq=row.seq, at=row.at, row=fact)


@strawberry.type
class EventEdge:
    cursor: str
    node: Event


@strawberry.type
class EventConnection:
    stream: strawberry.Private[UUID]
    epoch: strawberry.Private[int]
    page: strawberry.Private[Slice[EventRow]]

    @strawberry.field
    def edges(self) -> list[EventEdge]:
        return [EventEdge(cursor=self.cursor(row), node=Event.read(row)) for row in self.page.rows]

    @strawberry.field
    def nodes(self) -> list[Event]:
        return [Event.read(row) for row in self.page.rows]

    @strawberry.field
    def page_info(self) -> PageInfo:
        return PageInfo(row=self)

    def cursor(self, row: EventRow) -> str:
        """Where an entry stands."""
        return Cursor(self.stream, row.seq, self.epoch).encode()
