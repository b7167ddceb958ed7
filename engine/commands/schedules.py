"""Schedules: runs that are started again and again, by the clock of a time zone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db import schedules as rows
from db.connection import Database
from db.schedules import LockedRow, ScheduleRow, TickRow
from db.session import Session
from engine.commands.agents import agent_for_work
from engine.commands.cron import Cron, NotCron
from engine.commands.executions import LONGEST_INPUT, NewExecution, is_time_zone, start_execution
from engine.states import Priority, StartProblem
from engine.topics import DUE_TOPIC
from errors import InvalidInput, Issue, NotFound, Problem, Unavailable
from ids import new_id

log = logging.getLogger("baton.schedules")

_MOST_REPEATS = 2**31 - 1
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """What a schedule is made of."""

    cron: str
    input: str
    time_zone: str = "UTC"
    priority: Priority = Priority.MEDIUM
    agent_id: UUID | None = None
    repeat: int | None = None
    "How many runs it starts; None: no end."


async def create_schedule(session: Session, user_id: UUID, new: NewSchedule) -> ScheduleRow:
    """A schedule that starts its first run at the next tick.

    Raises InvalidInput, and NotFound for an agent that is not this user's.
    """
    first = _first_tick(new, await rows.clock(session))
    if new.agent_id is not None:
        await agent_for_work(session, user_id, new.agent_id)
    fields = {
        "id": new_id(),
        "user_id": user_id,
        "agent_id": new.agent_id,
        "cron": new.cron,
        "time_zone": new.time_zone,
        "input": new.input,
        "priority": int(new.priority),
        "remaining": new.repeat,
        "next_run_at": first,
    }
    row = await rows.insert_schedule(session, fields)
    session.hint(DUE_TOPIC)
    return row


async def delete_schedule(session: Session, user_id: UUID, schedule_id: UUID) -> bool:
    """False when there was nothing to delete. What it has started goes on."""
    return await rows.delete_schedule(session, user_id, schedule_id)


async def start_due_runs(db: Database) -> None:
    """Start a run for every schedule whose time has come.

    A tick is started by whichever worker comes first. Of ticks that passed while no worker was there only
    the oldest is started. A schedule whose run cannot be started says why, and goes on to its next tick.

    Raises Unavailable.
    """
    while await _start_some(db):
        pass


async def _start_some(db: Database) -> bool:
    async with db.as_system() as session:
        ticks = await rows.due_ticks(session, _AT_ONCE)
    moved = [await _start_or_pass_over(db, tick) for tick in ticks]
    return any(moved)


async def _start_or_pass_over(db: Database, tick: TickRow) -> bool:
    try:
        return await db.transact(tick.user_id, lambda session: _start(session, tick))
    except Unavailable:
        raise
    except _AgentArchived:
        problem = StartProblem.AGENT_ARCHIVED
    except Problem as refused:
        log.warning("schedule %s cannot start its run: %s", tick.id, refused.message)
        problem = StartProblem.INVALID_INPUT
    except Exception:
        log.exception("schedule %s cannot start its run", tick.id)
        problem = StartProblem.INTERNAL_ERROR
    return await db.transact(tick.user_id, lambda session: _pass_over(session, tick, problem))


class _AgentArchived(Exception):
    """Nothing new is given to the schedule's agent."""


async def _start(session: Session, tick: TickRow) -> bool:
    row = await rows.lock_tick(session, tick)
    if row is None:
        return False
    new = NewExecution(input=row.input, priority=Priority(row.priority), time_zone=row.time_zone)
    version_id = None if row.agent_id is None else await _version_of(session, row.user_id, row.agent_id)
    run = await start_execution(session, row.user_id, new)
    await rows.name_tick(session, row, run.id, version_id)
    remaining = None if row.remaining is None else row.remaining - 1
    next_tick = None if remaining == 0 else _next_tick(row)
    await rows.move_on(session, row, {"next_run_at": next_tick, "remaining": remaining, "problem": None})
    return True


async def _version_of(session: Session, user_id: UUID, agent_id: UUID) -> UUID | None:
    try:
        return (await agent_for_work(session, user_id, agent_id)).version_id
    except (InvalidInput, NotFound):
        raise _AgentArchived from None


async def _pass_over(session: Session, tick: TickRow, problem: StartProblem) -> bool:
    """Let a tick that could not be started go by, so that it holds up no other schedule."""
    row = await rows.lock_tick(session, tick)
    if row is None:
        return False
    fields = {"next_run_at": _next_tick(row), "remaining": row.remaining, "problem": problem.value}
    await rows.move_on(session, row, fields)
    return True


def _next_tick(row: LockedRow) -> datetime | None:
    """After now, not after the last: what was missed meanwhile is not made up for."""
    try:
        return Cron(row.cron, ZoneInfo(row.time_zone)).after(row.now)
    except (NotCron, ZoneInfoNotFoundError):
        log.exception("schedule %s is over: it can no longer be read", row.id)
        return None


def _first_tick(new: NewSchedule, now: datetime) -> datetime:
    issues: list[Issue] = []
    tick = None
    if not new.input.strip() or len(new.input) > LONGEST_INPUT or "\x00" in new.input:
        issues.append(Issue(("input", "input"), f"1 to {LONGEST_INPUT:,} characters, no NUL."))
    if new.repeat is not None and not 1 <= new.repeat <= _MOST_REPEATS:
        issues.append(Issue(("input", "repeat"), f"1 to {_MOST_REPEATS:,}."))
    if not is_time_zone(new.time_zone):
        issues.append(Issue(("input", "timeZone"), "Not an IANA time zone, such as Europe/Berlin."))
    try:
        zone = ZoneInfo("UTC" if issues else new.time_zone)
        tick = Cron(new.cron, zone).after(now)
        if tick is None:
            issues.append(Issue(("input", "cron"), "Never comes."))
    except NotCron as error:
        issues.append(Issue(("input", "cron"), str(error)))
    if tick is None or issues:
        raise InvalidInput(issues)
    return tick
