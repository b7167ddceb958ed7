"""The next step of a run, as a model decides it. A model is asked again from the rows after any crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from db.executions import ExecutionRow
from db.steps import StepRow


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is once the step is done; percent from 0 to 100, None when unknown."""

    percent: float | None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Think:
    """Say what is going to be done."""

    text: str
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class CallTool:
    """Call a tool by name, with JSON arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Nothing is left to do: the final answer."""

    text: str


Decision: TypeAlias = Think | CallTool | Answer


class Model(Protocol):
    """Decides step by step."""

    async def decide(self, run: ExecutionRow, steps: Sequence[StepRow]) -> Decision:
        """What follows the steps that stand (all of them ended)."""
        ...
