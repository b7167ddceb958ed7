"""A model: what it is asked, and what it decides. It is asked again from the rows after any crash."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from db.executions import ExecutionRow
from engine.progress import Progress
from engine.steps import Step, Usage
from engine.tools.tool import EMPTY, Toolbox
from engine.versions import ASSISTANT, AgentVersion
from errors import BatonError


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What every decision may carry beside itself."""

    usage: Usage | None = None
    model_message: Any = None
    "JSON: the model's own words, as its provider wants them back."


@dataclass(frozen=True, slots=True)
class Think(Decision):
    """Say what is going to be done."""

    text: str
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool by name, with JSON arguments. `progress`: how far the run is once it is done."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    call_id: str | None = None
    "What the model calls this call."
    progress: Progress | None = None
    problem: str | None = None
    "What makes this no call: it is not made, and the model is told."


@dataclass(frozen=True, slots=True)
class CallTools(Decision):
    """Call these tools, and then ask again."""

    calls: Sequence[ToolCall]
    text: str | None = None
    "What the model said along with it."


@dataclass(frozen=True, slots=True)
class Answer(Decision):
    """Nothing is left to do: the final answer. `progress`: how far the run has come with it."""

    text: str
    progress: Progress | None = None


AnyDecision: TypeAlias = Think | CallTools | Answer


def _to_nobody(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message: whose words (SYSTEM, USER or ASSISTANT), and the words."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Steered:
    """What a person said while the run was active, and the step before which it was taken up."""

    before_step: int
    said: Said


@dataclass(frozen=True, slots=True)
class Turn:
    """What a model is asked: a run, and the steps that it took so far, all of them ended, in order."""

    run: ExecutionRow
    steps: Sequence[Step]
    agent: AgentVersion = ASSISTANT
    tools: Toolbox = EMPTY
    "Empty: answer now, with what is there."
    history: Sequence[Said] = ()
    "The conversation up to what was asked, that included; empty: the run's input is all."
    steered: Sequence[Steered] = ()
    "What came to it while it was active, in order."
    say: Callable[[str], None] = _to_nobody
    "Passes on a piece of the answer while it is being made. Never waits."


class ModelFailed(BatonError):
    """The model could not answer."""

    code = "MODEL_FAILED"


class Model(Protocol):
    """Decides turn by turn."""

    @property
    @abstractmethod
    def is_instant(self) -> bool:
        """Whether it decides at once and in this process, so that no step is begun before it is asked."""

    @abstractmethod
    async def next(self, turn: Turn) -> AnyDecision:
        """What follows. Its task is cancelled when the run is, and when its time is up.

        Raises `engine.tools.tool.Transient` for what may be tried again, and ModelFailed.
        """
