"""Starting an ended run again: from nothing, or from the steps that it took.

The new run has a log of its own that tells of the kept steps first, so whoever follows it sees steps 1 to N.
What they did is not done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from db import conversations as conversation_rows
from db import executions as rows
from db import kept_steps
from db import messages as message_rows
from db import steps as step_rows
from db.executions import ExecutionRow
from db.session import Session
from engine.commands.executions import as_asked, queue_execution
from engine.commands.pipelines import queue_pipeline
from engine.log import append
from engine.runs.pipeline_plans import PlannedRun
from engine.states import TERMINAL, StepKind, StepStatus
from engine.steps import Step
from errors import ExecutionActive, InvalidInput, Issue, NotFound
from events.kinds import Event, StepFinished, StepStarted
from ids import new_id

_PATH = ("input", "fromStep")


async def retry_execution(
    session: Session, user_id: UUID, execution_id: UUID, from_step: int | None
) -> ExecutionRow:
    """A new run of what an ended one was asked, that keeps its first `from_step` steps.

    Raises NotFound, ExecutionActive and InvalidInput.
    """
    old = await rows.lock_execution(session, user_id, execution_id)
    if old is None:
        raise NotFound(path=("input", "id"))
    if old.status not in TERMINAL:
        raise ExecutionActive(old)
    if old.kind == "PIPELINE":
        return await _retry_pipeline(session, old, from_step)
    steps = [] if from_step is None else await _to_keep(session, old, from_step)
    new = await _queue_again(session, old)
    return await _take_over(session, old, new, steps, from_step or 0)


async def _queue_again(session: Session, old: ExecutionRow) -> ExecutionRow:
    """The new run; in the same conversation, it answers the same message anew."""
    conversation = old.conversation_id and await conversation_rows.lock_conversation(
        session, old.user_id, old.conversation_id
    )
    fields: dict[str, object] = {
        "retry_of": old.id,
        "agent_id": old.agent_id,
        "agent_version_id": old.agent_version_id,
    }
    if not conversation:
        return await queue_execution(session, old.user_id, as_asked(old), fields)
    fields |= {"conversation_id": conversation.id, "reply_id": new_id()}
    new = await queue_execution(session, old.user_id, as_asked(old), fields)
    await message_rows.hand_over(session, old.user_id, old.id, new.id)
    return new


async def _retry_pipeline(session: Session, old: ExecutionRow, from_step: int | None) -> ExecutionRow:
    if from_step is not None:
        raise InvalidInput([Issue(_PATH, "A pipeline has no steps of its own; retry one of its runs.")])
    stages = [[PlannedRun.of(run) for run in stage] for stage in old.stages or []]
    return await queue_pipeline(session, old.user_id, as_asked(old), stages, retry_of=old.id)


async def _to_keep(session: Session, old: ExecutionRow, from_step: int) -> list[Step]:
    """The steps to keep, and behind them the rest of the turn that the last of them belongs to."""
    steps = [Step.of(row) for row in await step_rows.steps_of(session, old.user_id, old.id)]
    if not 1 <= from_step <= len(steps):
        raise InvalidInput([Issue(_PATH, f"This run has {len(steps):,} steps.")])
    if steps[from_step - 1].kind is StepKind.FINAL_ANSWER:
        raise InvalidInput([Issue(_PATH, "Behind the final answer nothing is left to do; keep fewer steps.")])
    return [*steps[:from_step], *_rest_of_turn(steps[from_step:])]


def _rest_of_turn(steps: Sequence[Step]) -> list[Step]:
    """Calls that were decided together with what is kept: a model must find an answer to each of them."""
    rest: list[Step] = []
    for step in steps:
        if step.kind is not StepKind.TOOL_CALL or step.call_id is None:
            break
        rest.append(step)
    return rest


async def _take_over(
    session: Session, old: ExecutionRow, new: ExecutionRow, steps: Sequence[Step], kept: int
) -> ExecutionRow:
    if not steps:
        return new
    new = await rows.advance(session, new, kept + len(steps))
    ids = [new_id() for _ in range(kept)]
    told: list[Event] = []
    for row in await kept_steps.keep_steps(session, old.user_id, old.id, new.id, ids):
        step = Step.of(row)
        told.append(StepStarted(execution_id=new.id, step=_as_begun(step).facts()))
        told.append(StepFinished(execution_id=new.id, step=step.facts()))
    fresh = {step.number: new_id() for step in steps[kept:]}
    for row in await kept_steps.begin_again(session, old.user_id, old.id, new.id, fresh, 1 + 2 * kept):
        told.append(StepStarted(execution_id=new.id, step=Step.of(row).facts()))
    await append(session, new.id, new.user_id, new.last_seq, told)
    return new


def _as_begun(step: Step) -> Step:
    return replace(step, status=StepStatus.RUNNING, result=None, error=None, finished_at=None)
