"""What a person can want from the task agent, and the tool that does it."""

from __future__ import annotations

from enum import StrEnum


class Intent(StrEnum):
    CREATE = "CREATE"
    LIST = "LIST"
    COMPLETE = "COMPLETE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    UNKNOWN = "UNKNOWN"


class Priority(StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


TOOLS = {
    Intent.CREATE: "add_task",
    Intent.LIST: "list_tasks",
    Intent.COMPLETE: "complete_task",
    Intent.UPDATE: "update_task",
    Intent.DELETE: "delete_task",
}
"The tool of each intent; UNKNOWN has none."
