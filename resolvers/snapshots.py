"""A run as its log knew it at a cursor: so that a snapshot and the events after it fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, cast

from db import events as rows
from db.conversations import ConversationRow
from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.session import Reader
from db.steps import StepRow
from engine.states import InterruptStatus, StepStatus
from events import kinds
from events.kinds import ExecutionStatusChanged, MessageCompleted, ProgressReported

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Past:
    """A run at an older place of its log. Steps that began later, or ended later, are told apart by seq."""

    row: ExecutionRow
    seq: int
    status: ExecutionStatusChanged
    progress: ProgressReported | None


@dataclass(frozen=True, slots=True)
class PastConversation:
    """A conversation at an older place of its log: with its first `up_to` messages."""

    row: ConversationRow
    seq: int
    up_to: int


async def conversation_at(reader: Reader, row: ConversationRow, seq: int) -> PastConversation:
    """The conversation at `seq`. Its title and its agent are today's."""
    later = await rows.count_after(reader, row.id, row.user_id, MessageCompleted.kind, seq)
    return PastConversation(row, seq, row.last_message_number - later)


async def past_of(reader: Reader, row: ExecutionRow, seq: int) -> Past | None:
    """The run at `seq`; None where the entry that tells its state there was pruned."""
    if seq == 0:
        return Past(row, 0, _unborn(row), None)
    asked = (ExecutionStatusChanged, ProgressReported)
    found = await rows.last_of_kinds(reader, row.id, row.user_id, [fact.kind for fact in asked], seq)
    facts = {kind: kinds.read(kind, entry.payload) for kind, entry in found.items()}
    status, progress = (facts.get(fact.kind) for fact in asked)
    if not isinstance(status, ExecutionStatusChanged):
        return None
    return Past(row, seq, status, cast("ProgressReported | None", progress))


def _unborn(row: ExecutionRow) -> ExecutionStatusChanged:
    """Before its first event a run is what its first event makes it."""
    return ExecutionStatusChanged(execution_id=row.id, status="QUEUED", end_reason=None, attempt=0)


def run_as_of(past: Past) -> ExecutionRow:
    """The run's row as it stood then. Its `last_seq` is today's."""
    row, status, progress = past.row, past.status, past.progress
    return _changed(
        row,
        status=status.status,
        attempt=status.attempt,
        started_at=row.started_at if status.attempt else None,
        progress_percent=progress and progress.percent,
        progress_message=progress and progress.message,
        progress_at=progress and progress.at,
        **dict.fromkeys(("end_reason", "result", "error", "finished_at")),
    )


def step_as_of(row: StepRow, seq: int) -> StepRow:
    """The step's row as it stood when the run's log was at `seq`."""
    if row.finished_seq is None or row.finished_seq <= seq:
        return row
    return _changed(
        row, status=StepStatus.RUNNING, **dict.fromkeys(("result", "text", "error", "finished_at"))
    )


def interrupt_as_of(row: InterruptRow, seq: int) -> InterruptRow:
    """The interrupt's row as it stood when the run's log was at `seq`."""
    if row.closed_seq is None or row.closed_seq <= seq:
        return row
    unanswered = dict.fromkeys(("decision", "answer", "comment", "answered_at"))
    return _changed(row, status=InterruptStatus.OPEN, **unanswered)


def _changed(row: R, **columns: object) -> R:
    return cast("R", cast("object", _Changed(row, columns)))


class _Changed:
    """A row, some of whose columns are other than it says."""

    def __init__(self, row: object, columns: dict[str, object]) -> None:
        self.__dict__.update(columns, _row=row)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_row"], name)
