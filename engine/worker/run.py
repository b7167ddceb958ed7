"""Carrying one run from where its rows stand to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from db.session import Session
from engine.endings import Ending, answered, failed
from engine.limits import Overrun, too_expensive, too_many_steps
from engine.models.model import (
    Answer,
    AnyDecision,
    CallTools,
    Model,
    ModelFailed,
    Steered,
    Think,
    ToolCall,
    Turn,
)
from engine.models.registry import Models
from engine.progress import Progress
from engine.states import EndReason, StepKind
from engine.steps import Outcome, Step, Usage, total, tries_before
from engine.tools.tool import EMPTY, ExternalTool, Toolbox, Tools, Transient, Wait
from engine.versions import AgentVersion, LongHistory, Versions
from engine.worker.asking import Asking
from engine.worker.calls import Calls
from engine.worker.desk import Desk
from engine.worker.dialogue import Dialogues
from engine.worker.entry import Entry
from engine.worker.history import History, Past, Talk
from engine.worker.journal import Ends, Journal
from engine.worker.patience import Patience
from engine.worker.speech import Speech
from engine.worker.summarizing import asking_for_summary, longest_summary


@dataclass(frozen=True, slots=True)
class Crew:
    """Who carries the runs of one worker."""

    models: Models
    tools: Tools
    versions: Versions
    desk: Desk
    dialogues: Dialogues
    patience: Patience
    model_timeout_seconds: float

    async def carry(self, journal: Journal, steps: Sequence[Step], stops: Callable[[], bool]) -> bool:
        """Go on from these steps until the run has ended.

        False where it stopped at a step boundary, since `stops` said so. Raises Ends, and what a Journal
        raises.
        """
        agent = await self.versions.of(journal.run)
        tools = await self.tools.of(journal.run, agent)
        try:
            model = self.models.get(agent.model)
        except ModelFailed as problem:
            raise Ends(failed(EndReason.MODEL_ERROR, problem.message)) from None
        past = await self.dialogues.past(journal.run, agent)
        heard = await self.dialogues.heard(journal.run)
        speech = Speech(journal, was_heard=any(step.has_spoken for step in steps))
        carrier = Carrier(self, journal, agent, tools, model, speech, past, heard, stops)
        try:
            return await carrier.carry(steps)
        finally:
            carrier.speech.close()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What follows from the end of a call, as far as it was known, and begun, when that end was written."""

    asked: Step | None = None
    decision: AnyDecision | None = None
    calls: Sequence[Step] = ()

    @property
    def is_begun(self) -> bool:
        """Whether a step has begun, and must come to its end."""
        return self.asked is not None or bool(self.calls)


@dataclass(slots=True)
class Carrier:
    """Carries one run: asks the model, takes its steps, asks again."""

    crew: Crew
    journal: Journal
    agent: AgentVersion
    tools: Toolbox
    model: Model
    speech: Speech
    past: Past
    heard: list[Steered]
    "What came to the run while it was active, and was taken up."
    stops: Callable[[], bool]
    _history: History = ()
    _steps: list[Step] = field(default_factory=list[Step])
    "All that have ended, in order."
    _claimed_with: int = 0
    _begun: dict[int, Step] = field(default_factory=dict[int, Step])
    "Asked of the model by an attempt that got no answer."
    _thoughts: Entry | None = None
    "What is said already, and goes with the next word."
    _foreseen: Foreseen = field(default_factory=Foreseen)

    async def carry(self, steps: Sequence[Step]) -> bool:
        """As Crew.carry."""
        self._steps = [step for step in steps if step.has_ended]
        left_open = [step for step in steps if not step.has_ended]
        self._claimed_with = len(self._steps)
        self._begun = {step.number: step for step in left_open if step.kind is not StepKind.TOOL_CALL}
        await self._call([step for step in left_open if step.kind is StepKind.TOOL_CALL], {})
        await self._summarize()
        self._history = self.past.told()
        while self._foreseen.is_begun or not self.stops():
            if await self._take_turn():
                return True
        await self._write(self._entry())
        return False

    async def _take_turn(self) -> bool:
        """Ask the model, and do what it decides. Whether the run has ended with it."""
        foreseen, self._foreseen = self._foreseen, Foreseen()
        await self._keep_budget(self._overrun(self._steps))
        wraps_up = len(_taken(self._steps)) >= self.agent.max_steps
        await self._hear()
        asking = await self._ask(StepKind.THINKING, self.speech, foreseen.asked)
        tools = EMPTY if wraps_up else self.tools
        match foreseen.decision or await asking.decide(self._turn(self._steps, tools)):
            case Answer() as answer:
                await self._conclude(asking.step, answer, wraps_up)
                return True
            case Think() as thought if not wraps_up:
                await self._think(asking.step, thought)
            case CallTools() as decision if not wraps_up:
                calls = foreseen.calls or await self._begin_calls(asking.step, decision)
                await self._call(calls, _progress(calls, decision))
            case _:
                raise Ends(failed(EndReason.MAX_STEPS, f"It had no answer after {len(self._steps)} steps."))
        return False

    def _turn(self, steps: Sequence[Step], tools: Toolbox) -> Turn:
        said = self.speech.say
        return Turn(self.journal.run, _taken(steps), self.agent, tools, self._history, self.heard, said)

    async def _summarize(self) -> None:
        """Have the model summarise what it cannot be told, a step for each call: at the start alone."""
        may_ask = self.agent.long_history is LongHistory.SUMMARIZE and not self.model.is_instant
        while may_ask and not _taken(self._steps) and (excess := self.past.excess()):
            await self._keep_budget(self._overrun(self._steps))
            asking = await self._ask(StepKind.SUMMARY, Speech(self.journal), None)
            turn = asking_for_summary(self._turn(self._steps, EMPTY), self.past, excess)
            may_ask = await self._keep_summary(asking, turn, excess)

    async def _keep_summary(self, asking: Asking, turn: Turn, excess: Talk) -> bool:
        """Whether there is one. One that fails is a failed step, and what it was to cover is left out."""
        try:
            text = ((await asking.decide(turn)).text or "").strip()[: longest_summary(self.past)]
            error = None if text else "The model did not summarise."
        except Ends as end:
            text, error = "", end.ending.error
        if error is not None:
            entry = self._entry()
            self._steps.append(entry.finish(asking.step, Outcome(error=error)))
            await self._write(entry)
            return False
        self._steps.append(await self.crew.dialogues.keep(self.journal, asking.step, excess, text))
        self.past = self.past.summarized(excess, text)
        return True

    @property
    def _hears(self) -> bool:
        """Whether something may come meanwhile. A model that decides at once reads nothing but the input."""
        return self.journal.run.conversation_id is not None and not self.model.is_instant

    async def _hear(self) -> None:
        if self._hears:
            await self._write(self._entry())
            self.heard += await self.crew.dialogues.hear(self.journal, len(self._steps) + 1)

    async def _ask(self, kind: StepKind, speech: Speech, begun: Step | None) -> Asking:
        """The next call of the model. Its row is there before it is made, unless the model is instant."""
        crew, step = self.crew, begun or self._next(kind)
        asking = Asking(self.journal, crew.patience, self.model, crew.model_timeout_seconds, step, speech)
        if begun is None and not self.model.is_instant:
            entry = self._entry()
            entry.begin(step)
            speech.begin(entry)
            await self._write(entry)
        return asking

    def _next(self, kind: StepKind) -> Step:
        number = len(self._steps) + 1
        if (begun := self._begun.pop(number, None)) is not None:
            return self.journal.again(begun, kind=kind, started_at=self.journal.clock.now())
        return self.journal.step(number, kind)

    async def _think(self, step: Step, thought: Think) -> None:
        entry = self._entry()
        await self.speech.settle(entry)
        self._steps.append(self._said(entry, step, thought.text))
        self._report(thought.progress)

    async def _conclude(self, step: Step, answer: Answer, wraps_up: bool) -> None:
        """The final answer and the end of the run are one commit."""
        entry = self._entry()
        await self.speech.settle(entry)
        self._said(entry, replace(step, kind=StepKind.FINAL_ANSWER), answer.text)
        self._report(answer.progress)  # once more: what a lost attempt had not told yet
        self._thoughts = None
        reason = EndReason.MAX_STEPS if wraps_up else EndReason.FINAL_ANSWER
        await self.journal.end(answered(answer.text, reason), entry)

    def _said(self, entry: Entry, step: Step, text: str | None) -> Step:
        if self.model.is_instant:
            entry.begin(step)
        return entry.finish(step, Outcome(text=text))

    async def _begin_calls(self, step: Step, decision: CallTools) -> list[Step]:
        """The rows of all calls are there, with the model's word for them, before the first is made."""
        entry = self._entry()
        await self.speech.settle(entry)
        if not self.model.is_instant:
            self._steps.append(self._said(entry, step, decision.text))
        calls = self._begun_calls(entry, self._steps, decision)
        await self._write(entry)
        return calls

    def _begun_calls(self, entry: Entry, steps: Sequence[Step], decision: CallTools) -> list[Step]:
        return [
            self._begin_call(entry, number, call)
            for number, call in enumerate(decision.calls, len(steps) + 1)
        ]

    def _begin_call(self, entry: Entry, number: int, call: ToolCall) -> Step:
        step = entry.begin(self._call_step(number, call))
        return step if call.problem is None else entry.finish(step, Outcome(error=call.problem))

    def _call_step(self, number: int, call: ToolCall) -> Step:
        tool = self.tools.get(call.name)
        effect = tool.effect if isinstance(tool, ExternalTool) else None
        return self.journal.step(
            number,
            StepKind.TOOL_CALL,
            tool_name=call.name,
            call_id=call.call_id,
            input=call.arguments,
            tries=tries_before(effect),
            effect=effect,
        )

    async def _call(self, calls: Sequence[Step], progress: dict[int, Progress]) -> None:
        if calls:
            await self._keep_budget(too_many_steps(self.journal.run, len(self._steps), len(calls)))
            crew, look_ahead = self.crew, self._look_ahead if len(calls) == 1 else None
            one_turn = Calls(self.journal, self.agent, self.tools, crew.desk, crew.patience, look_ahead)
            self._steps += await one_turn.carry_out(calls, progress)

    async def _look_ahead(self, entry: Entry, call: Step) -> None:
        """Begin what follows from the end of a turn's only call in the entry that tells of that end.

        So what follows needs no commit of its own. Called again where that entry was not written.
        """
        steps = [*self._steps, call]
        self._foreseen = Foreseen()
        if self.stops() or self._hears or self.speech.was_heard or self._overrun(steps) is not None:
            return
        if not self.model.is_instant:
            begun = self.journal.step(len(steps) + 1, StepKind.THINKING)
            self._foreseen = Foreseen(asked=entry.begin(begun))
        elif len(_taken(steps)) < self.agent.max_steps:
            self._foreseen = await self._foresee(entry, steps)

    async def _foresee(self, entry: Entry, steps: Sequence[Step]) -> Foreseen:
        """What a model that decides at once will decide."""
        try:
            decision = await self.model.next(self._turn(steps, self.tools))
        except (Transient, ModelFailed):
            return Foreseen()
        calls = self._begun_calls(entry, steps, decision) if isinstance(decision, CallTools) else []
        return Foreseen(decision=decision, calls=calls)

    # What it may use.

    def _overrun(self, steps: Sequence[Step]) -> Overrun | None:
        run = self.journal.run
        return too_many_steps(run, len(steps)) or too_expensive(run, self._used(steps), steps)

    def _used(self, steps: Sequence[Step]) -> Usage:
        """What the run had used when it was claimed, and what its steps took since."""
        run = self.journal.run
        before = Usage(run.input_tokens, run.output_tokens, run.requests, run.cost)
        since = [step.usage for step in steps[self._claimed_with :] if step.usage is not None]
        return total([before, *since])

    async def _keep_budget(self, overrun: Overrun | None) -> None:
        if overrun is None:
            return
        await self._write(self._entry())
        await self.journal.settle(lambda session: self._afford(session, overrun))

    async def _afford(self, session: Session, overrun: Overrun) -> tuple[Entry, list[Wait]]:
        verdict = await self.crew.desk.afford(session, self.journal.run, overrun)
        if isinstance(verdict, Ending):
            raise Ends(verdict)
        return self.journal.entry(), [verdict]

    # Words.

    def _entry(self) -> Entry:
        """What was said already and not written, to be added to."""
        if self._thoughts is None:
            self._thoughts = self.journal.entry()
        return self._thoughts

    async def _write(self, entry: Entry) -> None:
        self._thoughts = None
        await self.journal.write(entry)

    def _report(self, progress: Progress | None) -> None:
        if progress is not None:
            self.journal.report(progress.percent, progress.message)


def _taken(steps: Sequence[Step]) -> Sequence[Step]:
    """What was done for the answer: all steps but summaries of what was said before."""
    return [step for step in steps if step.kind is not StepKind.SUMMARY]


def _progress(calls: Sequence[Step], decision: CallTools) -> dict[int, Progress]:
    """How far the run is after each call."""
    pairs = zip(calls, decision.calls, strict=True)
    return {step.number: call.progress for step, call in pairs if call.progress is not None}
