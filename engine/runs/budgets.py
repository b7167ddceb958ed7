"""Budgets that people raise: what is proposed to them, and what their answer does."""

from __future__ import annotations

from typing import Any

from db import executions
from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.session import Session
from engine.limits import Overrun
from engine.states import Decision, InterruptReason

_COLUMNS = {"maxTokens": "budget_tokens", "maxCost": "budget_cost", "maxSteps": "budget_steps"}
_MOST = 2**31 - 1
_DEAREST = 1e9


def proposal(run: ExecutionRow, overrun: Overrun) -> tuple[dict[str, Any], dict[str, Any]]:
    """The limit that was met, twice as high, and the JSON Schema of what may be said instead."""
    limit: float = getattr(run, _COLUMNS[overrun.limit]) or 0
    twice = max(limit, overrun.needed or 0) * 2
    proposed = min(_DEAREST, float(twice)) if overrun.limit == "maxCost" else min(_MOST, int(twice))
    return {overrun.limit: proposed}, {
        "type": "object",
        "properties": {
            "maxTokens": {"type": "integer", "minimum": 1, "maximum": _MOST},
            "maxCost": {"type": "number", "exclusiveMinimum": 0, "maximum": _DEAREST},
            "maxSteps": {"type": "integer", "minimum": 1, "maximum": _MOST},
        },
        "minProperties": 1,
        "additionalProperties": False,
    }


async def raise_budget(session: Session, run: ExecutionRow, answered: InterruptRow) -> None:
    """What an accepted answer says of the budget of a run, which is locked."""
    if answered.reason != InterruptReason.BUDGET or answered.decision == Decision.DENY:
        return
    raised = answered.answer if answered.decision == Decision.EDIT else answered.arguments
    limits = {column: raised.get(name) for name, column in _COLUMNS.items()}
    await executions.raise_budget(session, run, limits)
