"""What may be done with a task, by a mutation and by a tool alike: checked, written, and told to the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from db import tasks as rows
from db.session import Session
from db.tasks import TaskRow
from engine.facts import task_facts
from engine.log import append_activity
from engine.states import Priority
from errors import InvalidInput, Issue, NotFound, VersionConflict
from events.kinds import Change, TaskChanged
from ids import new_id

LONGEST_TITLE = 500
LONGEST_DESCRIPTION = 10_000

# The driver takes the ends for infinities, and cannot read what lies beyond them.
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)

_FIELDS = ("title", "description", "priority", "due_at")


async def create_task(session: Session, user_id: UUID, fields: Mapping[str, object]) -> TaskRow:
    """A new task. `fields`: title, and description, priority, due_at where wanted. Raises InvalidInput."""
    wanted = {"description": None, "priority": Priority.MEDIUM, "due_at": None, **checked(fields)}
    row = await rows.insert_task(session, user_id, new_id(), wanted)
    session.hint(user_id.hex, row.activity_seq)
    return row


async def update_task(
    session: Session,
    user_id: UUID,
    task_id: UUID,
    fields: Mapping[str, object],
    expected_version: int | None = None,
) -> TaskRow:
    """The task with these fields changed (those of `create_task`, and completed); others stay.

    Raises InvalidInput, NotFound and VersionConflict.
    """
    wanted = checked(fields)
    await rows.lock_owner(session, user_id)
    row = await rows.lock_task(session, user_id, task_id)
    if row is None:
        raise NotFound(path=("input", "id"))
    if expected_version is not None and expected_version != row.version:
        raise VersionConflict(row.version)
    kept = {name: getattr(row, name) for name in _FIELDS} | {"completed": row.completed}
    changed = await rows.write_task(session, user_id, task_id, kept | wanted)
    await _tell(session, user_id, "UPDATED", changed)
    return changed


async def delete_task(session: Session, user_id: UUID, task_id: UUID) -> bool:
    """Delete the task. False when it was not there: deleting is idempotent."""
    await rows.lock_owner(session, user_id)
    deleted = await rows.bury_task(session, user_id, task_id)
    if deleted:
        await append_activity(session, user_id, TaskChanged(change="DELETED", task_id=task_id, task=None))
    return deleted


async def _tell(session: Session, user_id: UUID, change: Change, row: TaskRow) -> None:
    await append_activity(session, user_id, TaskChanged(change=change, task_id=row.id, task=task_facts(row)))


def checked(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields as they are stored. Raises InvalidInput with every problem."""
    wanted = dict(fields)
    issues: list[Issue] = []
    if "title" in wanted:
        wanted["title"] = str(wanted["title"] or "").strip()
        issues += _text_issues("title", wanted["title"], 1, LONGEST_TITLE)
    if wanted.get("description") is not None:
        issues += _text_issues("description", wanted["description"], 0, LONGEST_DESCRIPTION)
    if wanted.get("due_at") is not None:
        issues += _instant_issues("dueAt", wanted["due_at"])
    issues += [
        Issue(("input", _given(name)), "This field cannot be null.")
        for name in ("priority", "completed")
        if name in wanted and wanted[name] is None
    ]
    if issues:
        raise InvalidInput(issues)
    return wanted


def _text_issues(name: str, text: object, shortest: int, longest: int) -> list[Issue]:
    value = str(text)
    problems = {
        "Must not be empty.": len(value) < shortest,
        f"Must be at most {longest:,} characters.": len(value) > longest,
        "Must not hold NUL characters.": "\x00" in value,
    }
    return [Issue(("input", name), message) for message, is_so in problems.items() if is_so]


def _instant_issues(name: str, instant: object) -> list[Issue]:
    if isinstance(instant, datetime) and _EARLIEST < instant < _LATEST:
        return []
    return [Issue(("input", name), "Must lie within the years 1 to 9999, in UTC.")]


def _given(name: str) -> str:
    return {"due_at": "dueAt"}.get(name, name)
