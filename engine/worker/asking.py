"""Asking a model for its next decision, with patience."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from engine.endings import failed
from engine.models.model import AnyDecision, Model, ModelFailed, Turn
from engine.states import EndReason
from engine.steps import Step
from engine.tools.tool import Transient
from engine.worker.journal import Ends, Journal
from engine.worker.patience import Patience, TimedOut
from engine.worker.speech import Speech
from telemetry import metrics, tracing

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Asking:
    """One call of a model. `step` is the step of the call, as far as it got."""

    journal: Journal
    patience: Patience
    model: Model
    seconds: float
    step: Step
    speech: Speech

    async def decide(self, turn: Turn) -> AnyDecision:
        """What it decides. Raises Ends(MODEL_ERROR) where it does not, and what a Journal raises."""
        name = turn.agent.model
        try:
            with tracing.span(
                f"chat {name}", "client", gen_ai__operation__name="chat", gen_ai__request__model=name
            ) as span:
                if self.model.is_instant:
                    return await self.model.next(turn)
                decision = await self._patiently(turn)
                if (usage := decision.usage) is not None:
                    span.set(
                        gen_ai__usage__input_tokens=usage.input_tokens,
                        gen_ai__usage__output_tokens=usage.output_tokens,
                    )
                return decision
        except TimedOut:
            raise _ends(f"The model did not answer within {self.seconds:g} seconds.") from None
        except (Transient, ModelFailed) as problem:
            raise _ends(problem.message) from problem

    async def _patiently(self, turn: Turn) -> AnyDecision:
        with metrics.model_seconds.time():
            decision = await self.patience.call(
                lambda: self.model.next(turn),
                seconds=self.seconds,
                tries=1,
                before_retry=self._before_retry,
            )
        self.step = replace(self.step, usage=decision.usage, model_message=decision.model_message)
        return decision

    async def _before_retry(self, _: int, problem: Transient) -> None:
        log.info("run %s asks its model again: %s", self.journal.run.id, problem.message)
        entry = self.journal.entry()
        self.step = entry.amend(replace(self.step, tries=self.step.tries + 1))
        self.speech.begin(entry)
        await self.journal.write(entry)


def _ends(error: str) -> Ends:
    return Ends(failed(EndReason.MODEL_ERROR, error))
