"""What a run may use: looked at before the call that would go beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from db.executions import ExecutionRow
from engine.steps import Step, Usage


@dataclass(frozen=True, slots=True)
class Overrun:
    """Which limit of a budget the next step would break, in a sentence for people, too."""

    limit: Literal["maxTokens", "maxCost", "maxSteps"]
    message: str
    needed: float | None
    "What the limit must be at least; None: no limit would do."


def too_many_steps(run: ExecutionRow, taken: int, coming: int = 1) -> Overrun | None:
    """How so many steps more would break the budget; None where they do not."""
    needed = taken + coming
    if run.budget_steps is None or needed <= run.budget_steps:
        return None
    message = f"The budget is {run.budget_steps:,} steps, and step {needed:,} would be next."
    return Overrun("maxSteps", message, needed)


def too_expensive(run: ExecutionRow, used: Usage, steps: Sequence[Step]) -> Overrun | None:
    """How the next call of a model would break the budget; None where it does not.

    That call reads at least what the last one read and wrote.
    """
    return _too_many_tokens(run, used, steps) or _too_dear(run, used)


def _too_many_tokens(run: ExecutionRow, used: Usage, steps: Sequence[Step]) -> Overrun | None:
    spent = used.input_tokens + used.output_tokens
    needed = spent + _least_next(steps)
    if run.budget_tokens is None or needed <= run.budget_tokens:
        return None
    message = f"{spent:,} of {run.budget_tokens:,} tokens are used, and the next call would go beyond."
    return Overrun("maxTokens", message, needed)


def _least_next(steps: Sequence[Step]) -> int:
    usages = [step.usage for step in steps if step.usage is not None]
    return usages[-1].input_tokens + usages[-1].output_tokens if usages else 1


def _too_dear(run: ExecutionRow, used: Usage) -> Overrun | None:
    if run.budget_cost is None:
        return None
    if used.cost is None:
        message = "The price of the model is not known, so a budget in dollars cannot be kept."
        return Overrun("maxCost", message, None)
    if used.cost < run.budget_cost or not used.requests:
        return None
    return Overrun("maxCost", f"${used.cost:.4f} of ${run.budget_cost:.4f} are spent.", used.cost)
