"""Where the loop asks people. What it answers is found in the rows, so it may be asked again at any time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from db.executions import ExecutionRow
from db.session import Session
from engine.endings import Ending
from engine.limits import Overrun
from engine.steps import Outcome
from engine.tools.tool import AnyTool, Asked, NeedsApproval, Wait


@dataclass(frozen=True, slots=True)
class GoAhead:
    """Make the call, with these arguments."""

    arguments: Mapping[str, Any]


Verdict: TypeAlias = GoAhead | Outcome | Wait | Ending
"Make the call; or: this came of it; or: the run waits for an answer; or: the run ends."


class Desk(Protocol):
    """What a run may ask a person."""

    @abstractmethod
    async def approve(self, asked: Asked, tool: AnyTool, need: NeedsApproval | None = None) -> Verdict:
        """Whether a call may be made that needs a person's approval. A denial is an Outcome.

        `need` says what exactly is to be agreed to, where the tool can say it better than the model.
        """

    @abstractmethod
    async def verify(self, asked: Asked, tool: AnyTool | None) -> Verdict:
        """What became of a call that may not be repeated, and of which nobody knows. The step is UNKNOWN."""

    @abstractmethod
    async def afford(self, session: Session, run: ExecutionRow, overrun: Overrun) -> Wait | Ending:
        """What becomes of a run whose next call would break its budget; `overrun` says how.

        One that waits is claimed with the budget that its row has by then, and is asked for again.
        """
