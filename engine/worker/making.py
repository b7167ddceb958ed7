"""Making one call of a tool, from a step that has begun to its outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from db.session import Session
from engine.progress import Progress
from engine.steps import UNKNOWN, Outcome, Step
from engine.tools.tool import Call, ExternalTool, ToolFailed, TransactionalTool, Transient
from engine.worker.entry import Entry
from engine.worker.journal import Journal
from engine.worker.patience import Patience, TimedOut, within
from engine.worker.storable import NotStorable, storable
from errors import Problem
from ids import Kind, encode

log = logging.getLogger(__name__)

LookAhead: TypeAlias = Callable[[Entry, Step], Awaitable[None]]
"Adds to the entry that ends a step what follows from it. Called again where that entry was not written."


@dataclass(slots=True)
class Making:
    """One call. `step` is as far as it got; `progress` is how far the run is once it is done.

    `is_approved`: a person has agreed to just its arguments.
    """

    journal: Journal
    patience: Patience
    step: Step
    progress: Progress | None
    look_ahead: LookAhead | None
    is_approved: bool = False

    async def transactional(self, tool: TransactionalTool) -> Step:
        """Its work and its outcome are one commit. What is begun anew has what is left of the tool's time.

        Raises NeedsApproval: then nothing was done.
        """
        until = asyncio.get_running_loop().time() + tool.timeout_seconds
        try:
            await self.journal.carry_out(lambda session: self._work(session, tool, until))
        except Problem as problem:
            await self._finish(Outcome(error=problem.message))
        except TimedOut:
            await self._finish(_late(tool))
        return self.step

    async def _work(self, session: Session, tool: TransactionalTool, until: float) -> Entry:
        user_id, arguments = self.journal.run.user_id, self.step.input or {}
        outcome = await within(
            until - asyncio.get_running_loop().time(),
            lambda: tool.work(session, user_id, arguments, self.is_approved),
        )
        self._report()
        return await self._ended(outcome)

    async def external(self, tool: ExternalTool) -> Step:
        """Before a call that may not be repeated the row says that it is made."""
        if not tool.effect.may_repeat:
            await self._tried(self.step.tries + 1)
        await self._finish(await self._outcome(tool))
        return self.step

    async def _outcome(self, tool: ExternalTool) -> Outcome:
        try:
            return Outcome(result=storable(await self._call(tool)))
        except NotStorable as problem:
            return Outcome(error=f"The answer of {tool.name} is {problem}.")
        except TimedOut:
            return _late(tool) if tool.effect.may_repeat else UNKNOWN
        except (ToolFailed, Transient) as problem:
            return Outcome(error=problem.message)

    async def _call(self, tool: ExternalTool) -> object:
        run = self.journal.run
        call = Call(
            execution_id=run.id,
            user_id=run.user_id,
            arguments=self.step.input or {},
            effect_key=f"{encode(Kind.EXECUTION, run.id)}:{self.step.number}",
            report=self.journal.report,
        )
        return await self.patience.call(
            lambda: self._guarded(tool, call),
            seconds=tool.timeout_seconds,
            tries=max(1, self.step.tries),
            before_retry=lambda tries, _: self._tried(tries),
        )

    async def _guarded(self, tool: ExternalTool, call: Call) -> object:
        """What the tool answers; whatever it breaks with is its own, and no word of our journal's."""
        try:
            return await tool.call(call)
        except (ToolFailed, Transient):
            raise
        except Exception:
            log.exception("the tool %s failed in run %s", tool.name, self.journal.run.id)
            raise ToolFailed("The tool failed.") from None

    async def _tried(self, tries: int) -> None:
        entry = self.journal.entry()
        self.step = entry.amend(replace(self.step, tries=tries))
        await self.journal.write(entry)

    async def _finish(self, outcome: Outcome) -> None:
        self._report()
        await self.journal.write(await self._ended(outcome))

    async def _ended(self, outcome: Outcome) -> Entry:
        entry = self.journal.entry()
        self.step = entry.finish(self.step, outcome)
        if self.look_ahead is not None and self.step.has_ended:
            await self.look_ahead(entry, self.step)
        return entry

    def _report(self) -> None:
        if self.progress is not None:
            self.journal.report(self.progress.percent, self.progress.message)


def _late(tool: TransactionalTool | ExternalTool) -> Outcome:
    return Outcome(error=f"{tool.name} did not answer within {tool.timeout_seconds:g} seconds.")
