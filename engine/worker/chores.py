"""What any worker does by the clock, beside its runs. Each is done by whichever worker comes first.

What is due is asked of `db.due`, for all of them at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from db import interrupts, leases, queue
from db.children import lock_families
from db.connection import Database
from db.due import DueRow
from db.executions import ExecutionRow
from db.leases import MemberRow
from db.session import Session
from engine.commands.schedules import start_due_runs
from engine.endings import EXHAUSTED, LATE, LOST
from engine.runs.expiry import expire_run
from engine.runs.moves import make_ready, move
from engine.states import Cause, loss
from telemetry import metrics


@dataclass(frozen=True, slots=True)
class Chore:
    """`do` does what is due of it, if anything still is."""

    name: str
    seconds: Callable[[DueRow], float | None]
    "How long until it is due; None: it is not."
    do: Callable[[Database], Awaitable[None]]


async def queue_due_runs(db: Database) -> None:
    """Scheduled runs whose time has come take their place in the queue."""
    async with db.as_system() as session:
        for row in await queue.lock_due(session):
            await make_ready(session, row)


async def sweep_lost_runs(db: Database) -> None:
    """Runs whose worker let the lease run out are queued again, or have failed for good, or have stopped."""
    async with db.as_system() as session:
        for row in await leases.lock_lost_executions(session):
            await _lose(session, row)
        children = await leases.lost_children(session)
    await _to_each(db, children, _lose_still)


async def _lose_still(session: Session, row: ExecutionRow) -> None:
    if await leases.is_lost(session, row):
        await _lose(session, row)


async def _lose(session: Session, row: ExecutionRow) -> None:
    session.afterwards.append(metrics.leases_expired.inc)
    cause = loss(row.attempt, row.max_attempts)
    await move(session, row, EXHAUSTED if cause is Cause.EXHAUSTION else LOST)


async def end_late_runs(db: Database) -> None:
    """Runs that nobody holds have failed once their deadline has passed; a holder sees to its own."""
    async with db.as_system() as session:
        late = await leases.late_runs(session)
    await _to_each(db, late, _end_late)


async def _end_late(session: Session, row: ExecutionRow) -> None:
    if await leases.is_late(session, row):
        await move(session, row, LATE)


async def end_unanswered_runs(db: Database) -> None:
    """Runs that asked a person have failed once an interrupt's time is over."""
    async with db.as_system() as session:
        due = await interrupts.runs_with_due_interrupts(session)
    await _to_each(db, due, expire_run)


async def _to_each(
    db: Database,
    members: Iterable[MemberRow],
    do: Callable[[Session, ExecutionRow], Awaitable[object]],
) -> None:
    """Each in its own transaction, with its family locked: `do` must look again whether it is still so."""
    for one in members:
        await db.transact(one.user_id, partial(_with_family, one, do))


async def _with_family(
    member: MemberRow, do: Callable[[Session, ExecutionRow], Awaitable[object]], session: Session
) -> None:
    row = (await lock_families(session, member.user_id, [member.id])).get(member.id)
    if row is not None:
        await do(session, row)


CHORES = (
    Chore("due runs", lambda due: due.scheduled_runs, queue_due_runs),
    Chore("lost runs", lambda due: due.lost_runs, sweep_lost_runs),
    Chore("late runs", lambda due: due.late_runs, end_late_runs),
    Chore("schedules", lambda due: due.ticks, start_due_runs),
    Chore("unanswered runs", lambda due: due.interrupts, end_unanswered_runs),
)
