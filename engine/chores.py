"""What any worker does by the clock, beside its runs. Each is done by whichever worker comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from db import interrupts, leases, queue
from db.children import lock_families
from db.connection import Database, Session
from db.executions import ExecutionRow
from db.leases import MemberRow
from engine.endings import EXHAUSTED, LATE, LOST
from engine.expiry import expire_run
from engine.moves import make_ready, move
from engine.schedules import SCHEDULE_TOPIC, start_due_runs
from engine.states import Cause, loss
from engine.topics import DUE_TOPIC


@dataclass(frozen=True, slots=True)
class Chore:
    """`do` answers in how many seconds it has to be done again at the latest; None: with the next poll."""

    name: str
    topic: str
    "Hinted where it is to be done earlier than it was known."
    do: Callable[[Database], Awaitable[float | None]]


async def queue_due_runs(db: Database) -> float | None:
    """Scheduled runs whose time has come take their place in the queue."""
    async with db.as_system() as session:
        for row in await queue.lock_due(session):
            await make_ready(session, row)
        return await queue.seconds_to_next_due(session)


async def sweep_lost_runs(db: Database) -> float | None:
    """Runs whose worker let the lease run out are queued again, or have failed for good, or have stopped."""
    async with db.as_system() as session:
        for row in await leases.lock_lost_executions(session):
            await _lose(session, row)
        children = await leases.lost_children(session)
        seconds = await leases.seconds_to_next_loss(session)
    await _to_each(db, children, _lose_still)
    return seconds


async def _lose_still(session: Session, row: ExecutionRow) -> None:
    if await leases.is_lost(session, row):
        await _lose(session, row)


async def _lose(session: Session, row: ExecutionRow) -> None:
    cause = loss(row.attempt, row.max_attempts)
    await move(session, row, EXHAUSTED if cause is Cause.EXHAUSTION else LOST)


async def end_late_runs(db: Database) -> float | None:
    """Runs that nobody holds have failed once their deadline has passed; a holder sees to its own."""
    async with db.as_system() as session:
        late = await leases.late_runs(session)
    await _to_each(db, late, _end_late)
    return None


async def _end_late(session: Session, row: ExecutionRow) -> None:
    if await leases.is_late(session, row):
        await move(session, row, LATE)


async def end_unanswered_runs(db: Database) -> float | None:
    """Runs that asked a person have failed once an interrupt's time is over."""
    async with db.as_system() as session:
        due = await interrupts.runs_with_due_interrupts(session)
    await _to_each(db, due, expire_run)
    async with db.as_system() as session:
        return await interrupts.seconds_to_next_expiry(session)


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
    Chore("due runs", DUE_TOPIC, queue_due_runs),
    Chore("lost runs", DUE_TOPIC, sweep_lost_runs),
    Chore("late runs", DUE_TOPIC, end_late_runs),
    Chore("schedules", SCHEDULE_TOPIC, start_due_runs),
    Chore("unanswered runs", DUE_TOPIC, end_unanswered_runs),
)
