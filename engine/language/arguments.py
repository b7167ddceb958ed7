"""The typed arguments of the five task tools.

Each has two forms in JSON: `as_labels` (snake case; days stay days), which labelled sentences use, and
`as_api` (camel case; every point in time is a full ISO date-time in the speaker's zone).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from engine.language.intents import Priority
from engine.language.references import Ref

Due = date | datetime
"A `datetime` is aware; a bare `date` means that day, without an hour."

END_OF_DAY = time(23, 59)
_LAST_DAY = date.max - timedelta(days=1)


def due_at(due: Due, zone: tzinfo) -> datetime:
    """The moment something is due. A day without an hour ends at 23:59 in `zone`."""
    return due if isinstance(due, datetime) else datetime.combine(due, END_OF_DAY, zone)


def _midnight(day: date, zone: tzinfo) -> str:
    return datetime.combine(day, time(), zone).isoformat()


def _said(pairs: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in pairs.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AddTask:
    """`add_task`: what was not said is None."""

    title: str
    description: str | None = None
    priority: Priority | None = None
    due: Due | None = None

    def as_labels(self) -> dict[str, object]:
        due = self.due and self.due.isoformat()
        return _said(
            {"title": self.title, "description": self.description, "priority": self.priority, "due": due}
        )

    def as_api(self, zone: tzinfo) -> dict[str, object]:
        due = self.due and due_at(self.due, zone).isoformat()
        return _said(
            {"title": self.title, "description": self.description, "priority": self.priority, "dueAt": due}
        )


@dataclass(frozen=True, slots=True)
class ListTasks:
    """`list_tasks`: filters. The two days are in the speaker's zone, and both are included."""

    completed: bool | None = None
    priority: Priority | None = None
    due_from: date | None = None
    due_to: date | None = None

    def as_labels(self) -> dict[str, object]:
        return _said(
            {
                "completed": self.completed,
                "priority": self.priority,
                "due_from": self.due_from and self.due_from.isoformat(),
                "due_to": self.due_to and self.due_to.isoformat(),
            }
        )

    def as_api(self, zone: tzinfo) -> dict[str, object]:
        """`dueAfter` is the first moment of the first day, `dueBefore` the first after the last day."""
        return _said(
            {
                "completed": self.completed,
                "priority": self.priority,
                "dueAfter": self.due_from and _midnight(self.due_from, zone),
                "dueBefore": self.due_to and _midnight(min(self.due_to, _LAST_DAY) + timedelta(days=1), zone),
            }
        )


@dataclass(frozen=True, slots=True)
class CompleteTask:
    """`complete_task`: `completed=False` undoes a completion."""

    ref: Ref
    completed: bool = True

    def as_labels(self) -> dict[str, object]:
        return {"ref": self.ref.as_json(), "completed": self.completed}

    def as_api(self, zone: tzinfo) -> dict[str, object]:  # noqa: ARG002 - one signature for every tool
        return self.as_labels()


@dataclass(frozen=True, slots=True)
class Changes:
    """What an update sets. None leaves a field as it is; `clear_due` takes the due date away."""

    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    due: Due | None = None
    clear_due: bool = False

    def as_labels(self) -> dict[str, object]:
        said = AddTask(self.title or "", self.description, self.priority, self.due).as_labels()
        return self._patched(said, "due")

    def as_api(self, zone: tzinfo) -> dict[str, object]:
        said = AddTask(self.title or "", self.description, self.priority, self.due).as_api(zone)
        return self._patched(said, "dueAt")

    def _patched(self, said: dict[str, object], due: str) -> dict[str, object]:
        kept = {name: value for name, value in said.items() if name != "title" or self.title is not None}
        return kept | {due: None} if self.clear_due else kept


@dataclass(frozen=True, slots=True)
class UpdateTask:
    """`update_task`: at least one change."""

    ref: Ref
    changes: Changes

    def as_labels(self) -> dict[str, object]:
        return {"ref": self.ref.as_json(), "changes": self.changes.as_labels()}

    def as_api(self, zone: tzinfo) -> dict[str, object]:
        return {"ref": self.ref.as_json(), "changes": self.changes.as_api(zone)}


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """`delete_task`."""

    ref: Ref

    def as_labels(self) -> dict[str, object]:
        return {"ref": self.ref.as_json()}

    def as_api(self, zone: tzinfo) -> dict[str, object]:  # noqa: ARG002 - one signature for every tool
        return self.as_labels()


Arguments = AddTask | ListTasks | CompleteTask | UpdateTask | DeleteTask
