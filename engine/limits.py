"""What a run may use: looked at before the call that would go beyond it."""

from __future__ import annotations

from collections.abc import Sequence

from db.executions import ExecutionRow
from engine.steps import Step, Usage


def too_many_steps(run: ExecutionRow, taken: int, coming: int = 1) -> str | None:
    """In a sentence for people, how so many steps more would break the budget; None where they do not."""
    if run.budget_steps is None or taken + coming <= run.budget_steps:
        return None
    return f"The budget is {run.budget_steps:,} steps, and step {taken + coming:,} would be next."


def too_expensive(run: ExecutionRow, used: Usage, steps: Sequence[Step]) -> str | None:
    """In a sentence for people, how the next call of a model would break the budget; None where it does not.

    That call reads at least what the last one read and wrote.
    """
    return _too_many_tokens(run, used, steps) or _too_dear(run, used)


def _too_many_tokens(run: ExecutionRow, used: Usage, steps: Sequence[Step]) -> str | None:
    spent = used.input_tokens + used.output_tokens
    if run.budget_tokens is None or spent + _least_next(steps) <= run.budget_tokens:
        return None
    return f"{spent:,} of {run.budget_tokens:,} tokens are used, and the next call would go beyond."


def _least_next(steps: Sequence[Step]) -> int:
    usages = [step.usage for step in steps if step.usage is not None]
    return usages[-1].input_tokens + usages[-1].output_tokens if usages else 1


def _too_dear(run: ExecutionRow, used: Usage) -> str | None:
    if run.budget_cost is None:
        return None
    if used.cost is None:
        return "The price of the model is not known, so a budget in dollars cannot be kept."
    if used.cost < run.budget_cost or not used.requests:
        return None
    return f"${used.cost:.4f} of ${run.budget_cost:.4f} are spent."
