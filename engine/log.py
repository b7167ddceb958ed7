"""The one room that writes to logs: typed events in, rows and a hint out."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import events as rows
from db.connection import Session
from db.executions import ExecutionRow
from engine.facts import status_fact
from events.kinds import Event


async def append(
    session: Session, stream: UUID, user_id: UUID, last_seq: int, events: Sequence[Event]
) -> None:
    """Write events that end at `last_seq`, and hint the stream's readers after the commit.

    The caller took the seqs, one for each event, under the lock of the row that owns the stream.
    """
    kinds = [event.kind for event in events]
    payloads = [event.payload() for event in events]
    await rows.insert_events(session, stream, user_id, last_seq, kinds, payloads)
    session.hint(stream.hex, last_seq)


async def append_activity(session: Session, user_id: UUID, *events: Event) -> None:
    """Write events to the user's activity stream, under the lock of the user's row."""
    kinds = [event.kind for event in events]
    payloads = [event.payload() for event in events]
    session.hint(user_id.hex, await rows.insert_activity(session, user_id, kinds, payloads))


async def tell_status(session: Session, *runs: ExecutionRow) -> None:
    """These runs have another status, each with its `last_seq`: to their readers, and to their users'."""
    facts = [(run, status_fact(run)) for run in runs]
    told = [{"user_id": run.user_id, "kind": fact.kind, "payload": fact.payload()} for run, fact in facts]
    own = [{"stream": run.id, "seq": run.last_seq, **line} for run, line in zip(runs, told, strict=True)]
    await rows.insert_entries(session, own)
    for run in runs:
        session.hint(run.id.hex, run.last_seq)
    for last in await rows.insert_activities(session, told):
        session.hint(last.user_id.hex, last.last_seq)
