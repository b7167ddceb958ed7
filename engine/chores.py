"""What any worker does by the clock, beside its runs. Each is done by whichever worker comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from db import leases, queue
from db.connection import Database
from engine.endings import EXHAUSTED, LATE, LOST
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
            cause = loss(row.attempt, row.max_attempts)
            await move(session, row, EXHAUSTED if cause is Cause.EXHAUSTION else LOST)
        return await leases.seconds_to_next_loss(session)


async def end_late_runs(db: Database) -> float | None:
    """Runs that nobody holds have failed once their deadline has passed; a holder sees to its own."""
    async with db.as_system() as session:
        for row in await leases.lock_late_executions(session):
            await move(session, row, LATE)
    return None


CHORES = (
    Chore("due runs", DUE_TOPIC, queue_due_runs),
    Chore("lost runs", DUE_TOPIC, sweep_lost_runs),
    Chore("late runs", DUE_TOPIC, end_late_runs),
    Chore("schedules", SCHEDULE_TOPIC, start_due_runs),
)
