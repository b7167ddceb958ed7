"""One word of a run's holder: all that it changes, or nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from db.executions import ExecutionRow
from engine.endings import Ending
from engine.progress import Progress
from engine.states import Hands, Status, after
from engine.steps import Outcome, Step, Usage, total
from events.kinds import Event, ExecutionStatusChanged, ProgressReported, StepFinished, StepStarted


@dataclass(frozen=True, slots=True)
class _Written:
    """A step as the entry leaves it, and which of the entry's events tell of its beginning and its end."""

    step: Step
    began: int | None = None
    ended: int | None = None


@dataclass(slots=True)
class Entry:
    """Steps begun and ended, progress, usage and perhaps the end of a run that is held under `run.fence`.

    Its events are told in the order in which it was filled.
    """

    run: ExecutionRow
    now: datetime
    _events: list[Event] = field(default_factory=list[Event])
    _activity: list[Event] = field(default_factory=list[Event])
    _talk: list[Event] = field(default_factory=list[Event])
    _begins: int | None = None
    _steps: dict[int, _Written] = field(default_factory=dict[int, _Written])
    _progress: Progress | None = None
    _usage: Usage = field(default_factory=Usage)
    _status: Status | None = None
    _ending: Ending | None = None

    def begin(self, step: Step) -> Step:
        """A step's row, RUNNING, before its work."""
        self._tell(StepStarted(execution_id=self.run.id, step=step.facts()))
        self._steps[step.number] = _Written(step, began=len(self._events))
        return step

    def finish(self, step: Step, outcome: Outcome) -> Step:
        """The outcome of a step that was begun, here or before."""
        ended = step.ended(outcome, self.now)
        self._tell(StepFinished(execution_id=self.run.id, step=ended.facts()))
        known = self._steps.get(step.number, _Written(step))
        self._steps[step.number] = replace(known, step=ended, ended=len(self._events))
        if step.usage is not None:
            self._usage = total([self._usage, step.usage])
        return ended

    def amend(self, step: Step) -> Step:
        """Something of an open step that is no news: how often its call was tried, say."""
        self._steps[step.number] = replace(self._steps.get(step.number, _Written(step)), step=step)
        return step

    def progress(self, progress: Progress | None) -> None:
        """How far the run is."""
        if progress is None:
            return
        self._progress = progress
        self._tell(
            ProgressReported(
                execution_id=self.run.id, percent=progress.percent, message=progress.message, at=self.now
            )
        )

    def tell(self, *events: Event) -> None:
        """Other news of this run."""
        self._events += events

    def talk(self, event: Event, *, begins: bool = False) -> None:
        """News of this run and of its conversation, if it has one; whether a reply begins with it."""
        self._tell(event)
        if self.run.conversation_id is None:
            return
        self._talk.append(event)
        if begins:
            self._begins = len(self._talk)

    def ended(self, ending: Ending, *last_words: Event) -> Entry:
        """The same, and the run is over with it. The last words are its conversation's, too."""
        status = after(Status.RUNNING, Hands.HELD, ending.cause)
        fact = ExecutionStatusChanged(
            execution_id=self.run.id,
            status=status.value,
            end_reason=None if ending.reason is None else ending.reason.value,
            attempt=self.run.attempt,
        )
        last = replace(
            self,
            _events=[*self._events],
            _talk=[*self._talk],
            _activity=[fact],
            _ending=ending,
            _status=status,
        )
        for event in (*last_words, fact):
            last.talk(event)
        return last

    @property
    def events(self) -> Sequence[Event]:
        """What it tells the readers of the run."""
        return self._events

    @property
    def has_ended(self) -> bool:
        """Whether the run is over with it."""
        return self._ending is not None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self._events and not self._steps

    def _tell(self, event: Event) -> None:
        self._events.append(event)

    def as_json(self) -> dict[str, Any]:
        """What `db.journal.write_entries` takes."""
        ending, progress = self._ending, self._progress
        return {
            "id": self.run.id,
            "fence": self.run.fence,
            "seqs": len(self._events),
            "steps": [_step(written) for written in self._steps.values()],
            "events": [_event(event) for event in self._events],
            "activity": [_event(event) for event in self._activity],
            "talk": [_event(event) for event in self._talk],
            "begins": self._begins,
            "percent": progress and progress.percent,
            "message": progress and progress.message,
            "progress_at": progress and self.now,
            **_usage(self._usage),
            "status": self._status,
            "end_reason": ending and ending.reason,
            "result": ending and ending.result,
            "error": ending and ending.error,
        }


def _event(event: Event) -> dict[str, Any]:
    return {"kind": event.kind, "payload": event.payload()}


def _step(written: _Written) -> dict[str, Any]:
    step = written.step
    usage: dict[str, Any] = {} if step.usage is None else _usage(step.usage)
    return {
        "id": step.id,
        "number": step.number,
        "kind": step.kind,
        "status": step.status,
        "tool_name": step.tool_name,
        "call_id": step.call_id,
        "input": step.input,
        "result": step.result,
        "text": step.text,
        "error": step.error,
        "model_message": step.model_message,
        "attempt": step.attempt,
        "tries": step.tries,
        "effect": step.effect,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "began": written.began,
        "ended": written.ended,
        **usage,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "requests": usage.requests,
        "cost": usage.cost,
    }
