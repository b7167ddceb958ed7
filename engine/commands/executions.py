"""What may be done with a run from outside: start it, ask it to stop, start it again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db import executions as rows
from db import queue
from db.children import lock_families
from db.executions import ExecutionRow
from db.session import Session
from db.tasks import get_task
from engine.commands.agents import agent_for_work
from engine.log import tell_status
from engine.runs.families import stop_family
from engine.runs.moves import move
from engine.states import TERMINAL, EndReason, Priority, Status
from engine.topics import DUE_TOPIC, QUEUE_TOPIC
from errors import InvalidInput, Issue, NotFound
from ids import new_id

LONGEST_INPUT = 10_000
_LONGEST_REASON = 1_000
_LONGEST_KEY = 255

# The driver takes the ends for infinities, and cannot read what lies beyond them.
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A run that was asked to stop, and whether it had ended before."""

    row: ExecutionRow
    was_over: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may use; None: as much as it wants. Cost in US dollars."""

    tokens: int | None = None
    cost: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class NewExecution:
    """What a run is started with."""

    input: str
    priority: Priority = Priority.MEDIUM
    task_id: UUID | None = None
    time_zone: str = "UTC"
    metadata: dict[str, Any] | None = None
    start_at: datetime | None = None
    deadline: datetime | None = None
    lock_key: str | None = None
    budget: Budget = Budget()
    agent_id: UUID | None = None

    async def columns(self, session: Session, user_id: UUID) -> dict[str, object]:
        """As its row has it. Raises NotFound, and InvalidInput for an agent that is archived."""
        if self.task_id is not None and await get_task(session, user_id, self.task_id) is None:
            raise NotFound(path=("input", "taskId"))
        agent = None if self.agent_id is None else await agent_for_work(session, user_id, self.agent_id)
        return {
            "task_id": self.task_id,
            "agent_id": agent and agent.id,
            "agent_version_id": agent and agent.version_id,
            "input": self.input,
            "time_zone": self.time_zone,
            "priority": int(self.priority),
            "metadata": self.metadata,
            "start_at": self.start_at,
            "deadline": self.deadline,
            "budget_tokens": self.budget.tokens,
            "budget_cost": self.budget.cost,
            "budget_steps": self.budget.steps,
        }


async def start_execution(session: Session, user_id: UUID, new: NewExecution) -> ExecutionRow:
    """A queued run: its row, its first event and its place in the queue are one commit.

    Raises InvalidInput, and NotFound for a task or an agent that is not this user's.
    """
    check(new)
    return await queue_execution(session, user_id, new, await new.columns(session, user_id))


def as_asked(row: ExecutionRow) -> NewExecution:
    """What a run was started with, as far as it holds for another that is started now."""
    return NewExecution(
        row.input,
        Priority(row.priority),
        row.task_id,
        row.time_zone,
        row.metadata,
        lock_key=row.lock_key,
        budget=Budget(row.budget_tokens, row.budget_cost, row.budget_steps),
    )


async def queue_execution(
    session: Session, user_id: UUID, new: NewExecution, fields: Mapping[str, object]
) -> ExecutionRow:
    """The run of what was checked before; `fields` are other columns that it is to have."""
    if new.lock_key is not None:
        await queue.lock_key(session, user_id, new.lock_key)
    row = await queue.insert_execution(
        session,
        {
            "id": new_id(),
            "user_id": user_id,
            "task_id": new.task_id,
            "input": new.input,
            "time_zone": new.time_zone,
            "priority": int(new.priority),
            "metadata": new.metadata,
            "start_at": new.start_at,
            "deadline": new.deadline,
            "lock_key": new.lock_key,
            "budget_tokens": new.budget.tokens,
            "budget_cost": new.budget.cost,
            "budget_steps": new.budget.steps,
            **fields,
        },
    )
    await tell_status(session, row)
    session.hint(QUEUE_TOPIC if row.status == Status.QUEUED else DUE_TOPIC)
    return row


async def cancel_execution(
    session: Session, user_id: UUID, execution_id: UUID, reason: str | None
) -> Cancellation:
    """Ask a run to stop, and all that it has started: those first. One that has ended stays as it is.

    What no worker holds has stopped at once; the run itself once nothing below it goes on.

    Raises InvalidInput and NotFound.
    """
    if reason is not None and (len(reason) > _LONGEST_REASON or "\x00" in reason):
        raise InvalidInput([Issue(("input", "reason"), f"At most {_LONGEST_REASON:,} characters, no NUL.")])
    row = (await lock_families(session, user_id, [execution_id])).get(execution_id)
    if row is None:
        raise NotFound(path=("input", "id"))
    if row.status in TERMINAL:
        return Cancellation(row, was_over=True)
    for one in await stop_family(session, row, EndReason.CANCELLED_BY_USER, reason):
        await move(session, one.row, one.ending, cancel_reason=one.cancel_reason)
    stopped = await rows.get_execution(session, user_id, execution_id)
    return Cancellation(stopped or row, was_over=False)


def check(new: NewExecution) -> None:
    """Raises InvalidInput with everything that is wrong with it by itself."""
    issues: list[Issue] = []
    if not new.input.strip():
        issues.append(Issue(("input", "input"), "Must not be empty."))
    if len(new.input) > LONGEST_INPUT or "\x00" in new.input:
        issues.append(Issue(("input", "input"), f"At most {LONGEST_INPUT:,} characters, no NUL."))
    if not is_time_zone(new.time_zone):
        issues.append(Issue(("input", "timeZone"), "Not an IANA time zone, such as Europe/Berlin."))
    issues += [*_problems_of_times(new), *_problems_of_budget(new.budget)]
    if new.lock_key is not None and (not 1 <= len(new.lock_key) <= _LONGEST_KEY or "\x00" in new.lock_key):
        issues.append(Issue(("input", "lockKey"), f"1 to {_LONGEST_KEY} characters, no NUL."))
    if issues:
        raise InvalidInput(issues)


def _problems_of_times(new: NewExecution) -> Iterator[Issue]:
    for name, time in (("startAt", new.start_at), ("deadline", new.deadline)):
        if time is not None and not _EARLIEST < time < _LATEST:
            yield Issue(("input", name), "Not a time that we can keep.")
    if new.start_at is not None and new.deadline is not None and new.deadline <= new.start_at:
        yield Issue(("input", "deadline"), "Must come after startAt.")


def _problems_of_budget(budget: Budget) -> Iterator[Issue]:
    for name, most in (("maxTokens", budget.tokens), ("maxSteps", budget.steps)):
        if most is not None and most < 1:
            yield Issue(("input", "budget", name), "Must be 1 or more.")
    if budget.cost is not None and not (math.isfinite(budget.cost) and budget.cost > 0):
        yield Issue(("input", "budget", "maxCost"), "Must be more than 0.")


def is_time_zone(name: str) -> bool:
    """Whether this is an IANA name that we know."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
