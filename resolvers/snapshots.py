"""A run as its log knew it at a cursor: so that a snapshot and the events after it fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast

from db import events as rows
from db.connection import Session
from db.executions import ExecutionRow
from events import kinds
from events.kinds import ExecutionStatusChanged, ProgressReported

F = TypeVar("F", ExecutionStatusChanged, ProgressReported)


@dataclass(frozen=True, slots=True)
class Past:
    """A run at an older place of its log. Steps that began later, or ended later, are told apart by seq."""

    row: ExecutionRow
    seq: int
    status: ExecutionStatusChanged
    progress: ProgressReported | None


async def past_of(session: Session, row: ExecutionRow, seq: int) -> Past:
    """The run at `seq`, before which nothing was pruned."""
    status = await _last(session, row, seq, ExecutionStatusChanged)
    progress = await _last(session, row, seq, ProgressReported)
    return Past(row, seq, status or _unborn(row), progress)


async def _last(session: Session, row: ExecutionRow, seq: int, kind: type[F]) -> F | None:
    entry = await rows.last_of_kind(session, row.id, row.user_id, kind.kind, seq)
    return None if entry is None else cast("F", kinds.read(entry.kind, entry.payload))


def _unborn(row: ExecutionRow) -> ExecutionStatusChanged:
    """Before its first event a run is what its first event makes it."""
    return ExecutionStatusChanged(execution_id=row.id, status="QUEUED", end_reason=None, attempt=0)
