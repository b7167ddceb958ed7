"""What may be done with a run from outside: start it, ask it to stop, start it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db import executions as rows
from db.connection import Session
from db.executions import ExecutionRow
from db.tasks import get_task
from engine.facts import status_fact
from engine.journal import QUEUE_TOPIC
from engine.log import append
from engine.states import TERMINAL, EndReason, Priority, Status, after_cancel, check_transition
from errors import ExecutionActive, InvalidInput, Issue, NotFound
from ids import new_id

CANCEL_TOPIC = "cancel"
"Hinted when a run that a worker holds is asked to stop."

LONGEST_INPUT = 10_000
_LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A run that was asked to stop, and whether it had ended before."""

    row: ExecutionRow
    was_over: bool


@dataclass(frozen=True, slots=True)
class NewExecution:
    """What a run is started with."""

    input: str
    priority: Priority = Priority.MEDIUM
    task_id: UUID | None = None
    time_zone: str = "UTC"
    metadata: dict[str, Any] | None = None


async def start_execution(session: Session, user_id: UUID, new: NewExecution) -> ExecutionRow:
    """A queued run: its row, its first event and its place in the queue are one commit.

    Raises InvalidInput, and NotFound for a task that is not this user's.
    """
    _check(new)
    if new.task_id is not None and await get_task(session, user_id, new.task_id) is None:
        raise NotFound(path=("input", "taskId"))
    return await _queue(session, user_id, new, retry_of=None)


async def retry_execution(session: Session, user_id: UUID, execution_id: UUID) -> ExecutionRow:
    """A new run of what an ended one was asked. Raises NotFound and ExecutionActive."""
    old = await rows.lock_execution(session, user_id, execution_id)
    if old is None:
        raise NotFound(path=("input", "id"))
    if old.status not in TERMINAL:
        raise ExecutionActive(old)
    new = NewExecution(old.input, Priority(old.priority), old.task_id, old.time_zone, old.metadata)
    return await _queue(session, user_id, new, retry_of=old.id)


async def _queue(session: Session, user_id: UUID, new: NewExecution, retry_of: UUID | None) -> ExecutionRow:
    row = await rows.insert_execution(
        session,
        {
            "id": new_id(),
            "user_id": user_id,
            "task_id": new.task_id,
            "retry_of": retry_of,
            "input": new.input,
            "time_zone": new.time_zone,
            "priority": int(new.priority),
            "metadata": new.metadata,
        },
    )
    await append(session, row.id, user_id, row.last_seq, [status_fact(row)])
    session.hint(QUEUE_TOPIC)
    return row


async def cancel_execution(
    session: Session, user_id: UUID, execution_id: UUID, reason: str | None
) -> Cancellation:
    """Ask a run to stop; one that no worker holds has stopped at once. One that has ended stays as it is.

    Raises InvalidInput and NotFound.
    """
    if reason is not None and (len(reason) > _LONGEST_REASON or "\x00" in reason):
        raise InvalidInput([Issue(("input", "reason"), f"At most {_LONGEST_REASON:,} characters, no NUL.")])
    row = await rows.lock_execution(session, user_id, execution_id)
    if row is None:
        raise NotFound(path=("input", "id"))
    if row.status in TERMINAL or row.status == Status.CANCELLING:
        return Cancellation(row, was_over=row.status in TERMINAL)
    return Cancellation(await _settle_cancelled(session, row, reason), was_over=False)


async def _settle_cancelled(session: Session, row: ExecutionRow, reason: str | None) -> ExecutionRow:
    status = after_cancel(Status(row.status))
    check_transition(Status(row.status), status)
    ended = status in TERMINAL
    fields = {
        "status": status.value,
        "end_reason": EndReason.CANCELLED_BY_USER.value if ended else None,
        "cancel_reason": reason,
        "ended": ended,
    }
    settled = await rows.settle_execution(session, row, fields)
    await append(session, row.id, row.user_id, settled.last_seq, [status_fact(settled)])
    session.hint(CANCEL_TOPIC)
    return settled


def _check(new: NewExecution) -> None:
    issues: list[Issue] = []
    if not new.input.strip():
        issues.append(Issue(("input", "input"), "Must not be empty."))
    if len(new.input) > LONGEST_INPUT or "\x00" in new.input:
        issues.append(Issue(("input", "input"), f"At most {LONGEST_INPUT:,} characters, no NUL."))
    if not is_time_zone(new.time_zone):
        issues.append(Issue(("input", "timeZone"), "Not an IANA time zone, such as Europe/Berlin."))
    if issues:
        raise InvalidInput(issues)


def is_time_zone(name: str) -> bool:
    """Whether this is an IANA name that we know."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
