"""Starting a run on behalf of another: bounded by what the other may still use, and by its deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db import queue
from db.executions import ExecutionRow
from db.session import Session
from engine.log import tell_status
from engine.topics import QUEUE_TOPIC
from ids import new_id

DEEPEST = 8
"How many runs may be above one another."


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several children that go side by side may use."""

    tokens: int | None
    cost: float | None

    @classmethod
    def of(cls, parent: ExecutionRow, children: int = 1) -> Share:
        """The same for each of them: together they cannot use more than what the parent has left."""
        used = parent.input_tokens + parent.output_tokens
        tokens = None if parent.budget_tokens is None else max(0, parent.budget_tokens - used) // children
        if parent.budget_cost is None:
            return cls(tokens, None)
        return cls(tokens, max(0.0, parent.budget_cost - (parent.cost or 0.0)) / children)


async def start_child(
    session: Session, parent: ExecutionRow, share: Share, fields: Mapping[str, Any]
) -> ExecutionRow:
    """A queued run that `parent`, which is locked, waits for.

    `fields`: input, agent_id and agent_version_id, and what tells it from its siblings: parent_step, or
    name and stage.
    """
    row = await queue.insert_execution(
        session,
        {
            "id": new_id(),
            "user_id": parent.user_id,
            "parent_id": parent.id,
            "depth": parent.depth + 1,
            "kind": "AGENT",
            "time_zone": parent.time_zone,
            "priority": parent.priority,
            "deadline": parent.deadline,
            "budget_tokens": share.tokens,
            "budget_cost": share.cost,
            "budget_steps": parent.budget_steps,
            **fields,
        },
    )
    await tell_status(session, row)
    session.hint(QUEUE_TOPIC)
    return row
