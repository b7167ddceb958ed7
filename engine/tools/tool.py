"""What a model may call: what each tool says of itself, and the three ways a call is carried out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from typing_extensions import override

from db.executions import ExecutionRow
from db.session import Session
from engine.states import Effect
from engine.steps import Outcome, Step
from engine.versions import AgentVersion
from errors import BatonError

BUILTIN_SOURCE = "builtin"
OPERATOR_SOURCE = "operator"


class ToolFailed(BatonError):
    """The tool could not do it."""

    code = "TOOL_FAILED"


class Transient(Exception):
    """A call failed for a reason that passes; it may be made again.

    `retry_after`: how many seconds the other side asked us to wait, where it said so.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message, self.retry_after = message, retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What every tool says of itself. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    effect: Effect
    timeout_seconds: float = 30.0
    source: str = BUILTIN_SOURCE


class NeedsApproval(Exception):
    """Nothing was done: a person has to agree first, to a call with just these arguments.

    `prompt` says what it would do.
    """

    def __init__(self, arguments: Mapping[str, Any], prompt: str) -> None:
        super().__init__(prompt)
        self.arguments, self.prompt = arguments, prompt


async def _nothing(*_: object) -> None:
    """No call of most tools needs anybody's approval by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionalTool(Tool):
    """A tool whose effect is rows of ours: it commits together with its step, exactly once.

    `work(session, user_id, arguments, is_approved)` never commits. What it raises as a Problem fails the
    step, and nothing of it remains. Unless a person has agreed to these arguments it may raise NeedsApproval;
    `look` answers, without doing anything, what it would raise. Both raise InvalidInput.
    """

    work: Callable[[Session, UUID, Mapping[str, Any], bool], Awaitable[Outcome]]
    look: Callable[[Session, UUID, Mapping[str, Any]], Awaitable[NeedsApproval | None]] = _nothing


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an external tool."""

    execution_id: UUID
    user_id: UUID
    arguments: Mapping[str, Any]
    effect_key: str
    "`<execution id>:<step number>`, the same in every attempt: what the other side tells repeats by."
    report: Callable[[float | None, str | None], None]
    "Say how far it is: percent from 0 to 100 or None, and a message. Never waits."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTool(Tool):
    """A tool that works outside any transaction of ours. `call` answers JSON.

    It raises ToolFailed for what the model should read, Transient for what may be tried again. Its task is
    cancelled when the run is, when its time is up, and when the lease is lost.
    """

    call: Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Wait:
    """A step cannot go on until somebody closes what it waits for.

    `open` writes that in the transaction that parks the run, and answers nothing; it is left out where it
    stands already. With `for_person` the run is AWAITING_INPUT, else it stays RUNNING.
    """

    for_person: bool
    open: Callable[[Session, ExecutionRow], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an engine tool is told of its call."""

    session: Session
    "A transaction for reading; whatever it writes is committed with what follows from its answer."
    run: ExecutionRow
    agent: AgentVersion
    step: Step
    report: Callable[[float | None, str | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTool(Tool):
    """A tool that the loop itself carries out: asking a person, starting a child.

    `answer` is asked when the call is made and again whenever the run goes on, until it has an outcome. It
    must find in the rows what it began.
    """

    answer: Callable[[Asked], Awaitable[Outcome | Wait]]


AnyTool: TypeAlias = TransactionalTool | ExternalTool | EngineTool


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one run, by name. Empty: the model must answer now."""

    _tools: Mapping[str, AnyTool] = field(default_factory=dict[str, AnyTool])

    @classmethod
    def of(cls, tools: Iterable[AnyTool], names: Sequence[str] | None = None) -> Toolbox:
        """Of these tools those of these names, or all."""
        wanted = None if names is None else frozenset(names)
        return cls({tool.name: tool for tool in tools if wanted is None or tool.name in wanted})

    def get(self, name: str | None) -> AnyTool | None:
        """The tool of this name, if the run may call it."""
        return self._tools.get(name or "")

    def __iter__(self) -> Iterator[AnyTool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)


EMPTY = Toolbox()


class Tools(Protocol):
    """Finds the tools of a run."""

    @abstractmethod
    async def of(self, run: ExecutionRow, agent: AgentVersion) -> Toolbox:
        """Every tool that this run may call."""


@dataclass(frozen=True, slots=True)
class StaticTools(Tools):
    """The tools that every user's agents may name."""

    tools: tuple[AnyTool, ...]

    @override
    async def of(self, run: ExecutionRow, agent: AgentVersion) -> Toolbox:
        """Those that the agent names, or all."""
        return Toolbox.of(self.tools, agent.tool_names)
