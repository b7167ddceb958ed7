"""The one room that writes to logs: typed events in, rows and a hint out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from db import events as rows
from db.executions import ExecutionRow
from db.session import Session
from engine.facts import status_fact
from engine.states import SETTLED, TERMINAL
from engine.topics import settled_topic
from events.kinds import Event, ExecutionStatusChanged, StepFinished
from telemetry import metrics


def count(session: Session, events: Iterable[Event]) -> None:
    """After the commit, count the ends of runs and steps that these tell of."""
    for event in events:
        if isinstance(event, StepFinished):
            session.afterwards.append(partial(metrics.step_ended, event.step.kind, event.step.status))
        elif isinstance(event, ExecutionStatusChanged) and event.status in TERMINAL:
            session.afterwards.append(partial(metrics.run_ended, event.status, event.end_reason))


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
    """These runs have another status, each with its `last_seq`.

    Told to their readers, those of their conversations, and their users'.
    """
    facts = [(run, status_fact(run)) for run in runs]
    count(session, (fact for _, fact in facts))
    for run in runs:
        session.hint(run.id.hex, run.last_seq)
        if run.status in SETTLED:
            session.hint(settled_topic(run.id))
    for told in await rows.insert_and_tell(session, [_entry(run, fact) for run, fact in facts]):
        session.hint(told.stream.hex, told.last_seq)


def _entry(run: ExecutionRow, fact: Event) -> dict[str, object]:
    """A reply that is being written ends with its run, however that ends."""
    of_run = {"stream": run.id, "seq": run.last_seq, "user_id": run.user_id}
    of_talk = {"conversation_id": run.conversation_id, "ends": run.status in TERMINAL}
    return {**of_run, **of_talk, "kind": fact.kind, "payload": fact.payload()}
