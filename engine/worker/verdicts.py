"""What was said of several open steps, written together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from db.session import Session
from engine.endings import Ending
from engine.states import StepStatus
from engine.steps import Outcome, Step, tries_before
from engine.tools.tool import Asked, Wait
from engine.versions import AgentVersion
from engine.worker.desk import GoAhead, Verdict
from engine.worker.entry import Entry
from engine.worker.journal import Ends, Journal


@dataclass(slots=True)
class Verdicts:
    """Asks `judge` for each of the steps. `settled`: those that changed by it."""

    journal: Journal
    agent: AgentVersion
    steps: Sequence[Step]
    judge: Callable[[Asked], Awaitable[Verdict]]
    settled: list[Step] = field(default_factory=list[Step])

    async def gather(self) -> list[Step]:
        """All in one transaction. Raises Parked where one must wait, Ends, and what a Journal raises."""
        await self.journal.settle(self._settle)
        return self.settled

    async def _settle(self, session: Session) -> tuple[Entry, list[Wait]]:
        self.settled = []  # a transaction that met a deadlock begins anew
        entry = self.journal.entry()
        waits = [wait for step in self.steps if (wait := await self._one(session, entry, step))]
        return entry, waits

    async def _one(self, session: Session, entry: Entry, step: Step) -> Wait | None:
        asked = Asked(session, self.journal.run, self.agent, step, self.journal.report)
        match await self.judge(asked):
            case Wait() as wait:
                return wait
            case Ending() as ending:
                raise Ends(ending)
            case Outcome() as outcome:
                self.settled.append(entry.finish(self.journal.again(step), outcome))
            case GoAhead(arguments):
                # Known not to have been made, whatever was thought of it before.
                go = self.journal.again(
                    step,
                    input=dict(arguments),
                    status=StepStatus.RUNNING,
                    tries=tries_before(step.effect),
                    error=None,
                    finished_at=None,
                )
                self.settled.append(entry.amend(go))
        return None
