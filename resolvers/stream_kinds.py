"""The kinds of stream, each with what sets it apart."""

from __future__ import annotations

from db import streams as rows
from db.events import EventRow
from db.executions import ExecutionRow
from db.session import Reader
from engine.states import TERMINAL
from events.kinds import ExecutionStatusChanged
from resolvers import logs
from resolvers.conversations import where_it_stands
from resolvers.snapshots import conversation_at, past_of
from resolvers.streams import StreamKind


def ends_run(entry: EventRow) -> bool:
    """Whether nothing can follow this entry of a run's log."""
    return entry.kind == ExecutionStatusChanged.kind and entry.payload["status"] in TERMINAL


def _run_is_over(row: ExecutionRow) -> bool:
    return row.status in TERMINAL


async def _as_it_is(_reader: Reader, row: object, _seq: int) -> object:
    """Only today's state is kept of these: it is what the events lead to."""
    return row


def _never(_: object) -> bool:
    return False


EXECUTION = StreamKind(logs.EXECUTION, rows.get_run_log, past_of, _run_is_over, ends_run)
CONVERSATION = StreamKind(
    logs.CONVERSATION,
    rows.get_conversation_log,
    conversation_at,
    _never,
    _never,
    now=where_it_stands,
)
ACTIVITY = StreamKind(logs.ACTIVITY, rows.get_activity_log, _as_it_is, _never, _never)
