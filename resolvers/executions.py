"""Reading runs, their steps and their log, and waiting for a run to end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from db import events as event_rows
from db import executions as rows
from db import queue
from db import steps as step_rows
from db.connection import Database
from db.events import EventRow
from db.executions import EXECUTIONS, ExecutionRow
from db.gathering import Gathered
from db.paging import Slice
from db.session import Readers, Session
from db.steps import STEPS, StepRow
from engine.commands.executions import Cancellation
from engine.states import SETTLED, Status
from engine.topics import settled_topic
from errors import BadUserInput, FutureCursor
from events.cursor import Cursor
from events.hub import Hub
from resolvers.idempotency import Reference
from resolvers.paging import Window

LONGEST_WAIT_MS = 30_000
_LARGEST_EVENT_PAGE = 1_000


async def execution_by_id(db: Database, user_id: UUID, execution_id: UUID) -> ExecutionRow | None:
    """The run, if it is there and this user's."""
    return await rows.get_execution(db.reading(user_id), user_id, execution_id)


async def executions_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, ExecutionRow]:
    """Those of the runs that are there and this user's."""
    return {row.id: row for row in await rows.get_executions(db.reading(user_id), user_id, ids)}


async def steps_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, StepRow]:
    """Those of the steps that are there and this user's."""
    return {row.id: row for row in await step_rows.get_steps(db.reading(user_id), user_id, ids)}


async def execution_pages(
    db: Gathered, user_id: UUID, filters: Sequence[Mapping[str, object]], window: Window
) -> list[Slice[ExecutionRow]]:
    """For each of these filters, which all set the same ones, a page of the user's runs, newest first.

    Raises BadUserInput and InvalidCursor.
    """
    page = window.page("CREATED_AT", descending=True)
    return await EXECUTIONS.pages(db, user_id, page, [{**one, "user_id": user_id} for one in filters])


async def execution_count(db: Readers, user_id: UUID, filters: Mapping[str, object]) -> int:
    """How many runs the filters let through."""
    return await EXECUTIONS.count(db.reading(user_id), {**filters, "user_id": user_id})


async def step_pages(
    db: Gathered, user_id: UUID, runs: Sequence[tuple[ExecutionRow, int]], window: Window
) -> list[Slice[StepRow]]:
    """Of each run a page of its steps in order: those that its log knew of at a seq."""
    page = window.page("NUMBER")
    return await STEPS.pages(db, user_id, page, [_steps_of(row, as_of) for row, as_of in runs])


async def step_count(db: Readers, row: ExecutionRow, as_of: int) -> int:
    """How many steps the log knew of at seq `as_of`."""
    return await STEPS.count(db.reading(row.user_id), _steps_of(row, as_of))


def _steps_of(row: ExecutionRow, as_of: int) -> dict[str, object]:
    return {"user_id": row.user_id, "execution_id": row.id, "as_of": as_of}


async def event_page(db: Readers, row: ExecutionRow, first: int | None, after: str | None) -> Slice[EventRow]:
    """One page of a run's log, by the cursors of its stream.

    Raises BadUserInput, InvalidCursor and FutureCursor.
    """
    size = 100 if first is None else first
    if not 1 <= size <= _LARGEST_EVENT_PAGE:
        raise BadUserInput(f"A page has 1 to {_LARGEST_EVENT_PAGE:,} events.")
    seen = 0 if after is None else Cursor.parse(after, row.id).seq
    if seen > row.last_seq:
        raise FutureCursor
    reader = db.reading(row.user_id)
    found = await event_rows.read_events(reader, row.id, row.user_id, seen, size + 1)
    return Slice(found[:size], has_next=len(found) > size, has_previous=seen > 0)


async def queue_positions(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, int]:
    """How many runs go before each that is queued. Counts everybody's, so the system asks."""
    async with db.as_system() as session:
        return await queue.queue_positions(session, user_id, ids)


async def await_execution(
    db: Database, hub: Hub, user_id: UUID, execution_id: UUID, timeout_ms: int, poll_seconds: float
) -> ExecutionRow | None:
    """The run once it has ended or needs a person, or as it stands when the time is up; None: not found.

    Holds no connection while it waits. Raises BadUserInput for a time beyond 30,000 ms.
    """
    if not 0 <= timeout_ms <= LONGEST_WAIT_MS:
        raise BadUserInput(f"A wait takes 0 to {LONGEST_WAIT_MS:,} ms.")
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_ms / 1_000
    with hub.listen(settled_topic(execution_id)) as bell:
        while True:
            row = await execution_by_id(db, user_id, execution_id)
            left = end - loop.time()
            if row is None or is_settled(row) or left <= 0:
                return row
            await bell.wait(min(left, poll_seconds))


def is_settled(row: ExecutionRow) -> bool:
    """Whether the run has ended or waits for a person."""
    return Status(row.status) in SETTLED


async def recall_execution(session: Session, user_id: UUID, reference: Reference) -> ExecutionRow:
    """The run that an earlier request started or asked to stop, as it stands now."""
    row = await rows.get_execution(session, user_id, UUID(reference["id"]))
    if row is None:
        raise LookupError(reference["id"])
    return row


async def recall_cancellation(session: Session, user_id: UUID, reference: Reference) -> Cancellation:
    """The run that an earlier request asked to stop, and whether it had ended before that."""
    return Cancellation(await recall_execution(session, user_id, reference), reference["was_over"])


def refer_to(row: ExecutionRow) -> Reference:
    """What `recall_execution` finds the run by."""
    return {"id": str(row.id)}
