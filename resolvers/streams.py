"""A run's stream: a snapshot, every event after it, and an honest end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from db import events as event_rows
from db import executions as rows
from db.connection import Database
from db.events import EventRow
from db.executions import ExecutionRow
from engine.states import TERMINAL
from errors import FutureCursor, NotFound
from events.cursor import Cursor
from events.kinds import ExecutionStatusChanged
from events.stream import Batch, follow
from resolvers.services import Services
from resolvers.snapshots import Past, past_of


class CloseReason(StrEnum):
    """Why a stream ended."""

    TERMINAL = "TERMINAL"
    AUTH_EXPIRED = "AUTH_EXPIRED"
    FORBIDDEN = "FORBIDDEN"
    SERVER_DRAINING = "SERVER_DRAINING"
    SLOW_CONSUMER = "SLOW_CONSUMER"


@dataclass(frozen=True, slots=True)
class Opened:
    """The run as it was at `cursor`."""

    cursor: str
    snapshot: ExecutionRow | Past


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of the log, each once, from where the frame before ended."""

    cursor: str
    continues_from: str
    events: list[EventRow]


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing happened for a while."""

    cursor: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The end, and whether to come back."""

    cursor: str
    reason: CloseReason


Frame: TypeAlias = Opened | Entries | Quiet | Closed


async def execution_frames(
    services: Services, user_id: UUID, execution_id: UUID, after: str | None, from_now: bool
) -> AsyncGenerator[Frame, None]:
    """The run's stream after a cursor, or from its start, or from now.

    Holds no connection while it waits. Raises NotFound, InvalidCursor and FutureCursor.
    """
    opened, seq, is_over = await _open(services.db, user_id, execution_id, after, from_now)
    yield opened
    async with aclosing(_follow(services, user_id, execution_id, seq)) as frames:
        while not is_over:
            frame = await anext(frames)
            yield frame
            seq = Cursor.parse(frame.cursor, execution_id).seq
            is_over = isinstance(frame, Entries) and ends_run(frame.events[-1])
    yield Closed(Cursor(execution_id, seq).encode(), CloseReason.TERMINAL)


async def _open(
    db: Database, user_id: UUID, execution_id: UUID, after: str | None, from_now: bool
) -> tuple[Opened, int, bool]:
    async with db.as_user(user_id) as session:
        row = await rows.get_execution(session, user_id, execution_id)
        if row is None:
            raise NotFound
        seq = _start(row, after, from_now)
        is_newest = seq == row.last_seq
        snapshot = row if is_newest else await past_of(session, row, seq)
    opened = Opened(Cursor(execution_id, seq).encode(), snapshot)
    return opened, seq, is_newest and row.status in TERMINAL


def _start(row: ExecutionRow, after: str | None, from_now: bool) -> int:
    if after is None:
        return row.last_seq if from_now else 0
    seq = Cursor.parse(after, row.id).seq
    if seq > row.last_seq:
        raise FutureCursor
    return seq


async def _follow(
    services: Services, user_id: UUID, execution_id: UUID, seq: int
) -> AsyncGenerator[Entries | Quiet, None]:
    async def read(after: int, limit: int) -> list[EventRow]:
        async with services.db.as_user(user_id) as session:
            return await event_rows.read_events(session, execution_id, user_id, after, limit)

    def cursor(at: int) -> str:
        return Cursor(execution_id, at).encode()

    settings = services.settings
    found = follow(
        services.hub,
        read,
        execution_id,
        seq,
        poll_seconds=settings.poll_seconds,
        heartbeat_seconds=settings.heartbeat_seconds,
    )
    async with aclosing(found) as items:
        async for item in items:
            if isinstance(item, Batch):
                yield Entries(cursor(item.last), cursor(item.continues_from), item.events)
            else:
                yield Quiet(cursor(item.last))


def ends_run(entry: EventRow) -> bool:
    """Whether nothing can follow this entry."""
    return entry.kind == ExecutionStatusChanged.kind and entry.payload["status"] in TERMINAL
