"""Starting pipelines: one execution that is the pipeline, and a child for each run of its first stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from db import children
from db.executions import ExecutionRow
from db.session import Session
from engine.commands.agents import agent_for_work
from engine.commands.executions import NewExecution, check, queue_execution
from engine.log import tell_status
from engine.runs.pipeline_plans import PipelineRun, PlannedRun, Stages, stage_issues, summary
from engine.runs.stages import start_stage
from errors import InvalidInput


async def start_pipeline(session: Session, user_id: UUID, new: NewExecution, stages: Stages) -> ExecutionRow:
    """A pipeline that is under way: its row and all runs of its first stage are one commit.

    Its input is made of the names of its runs. Raises InvalidInput, and NotFound for an agent that is not
    this user's.
    """
    if issues := stage_issues(stages):
        raise InvalidInput(issues)
    planned = [
        [await _plan(session, user_id, run, (str(n), str(m))) for m, run in enumerate(stage)]
        for n, stage in enumerate(stages)
    ]
    new = replace(new, input=summary(stages))
    check(new)
    return await queue_pipeline(session, user_id, new, planned)


async def queue_pipeline(
    session: Session,
    user_id: UUID,
    new: NewExecution,
    planned: Sequence[Sequence[PlannedRun]],
    retry_of: UUID | None = None,
) -> ExecutionRow:
    """The same for what was checked before."""
    pipeline = await queue_execution(
        session,
        user_id,
        new,
        {
            "kind": "PIPELINE",
            "stages": [[run.as_json() for run in stage] for stage in planned],
            "retry_of": retry_of,
        },
    )
    pipeline = await children.begin_pipeline(session, pipeline)
    await tell_status(session, pipeline)
    await start_stage(session, pipeline, 0)
    return pipeline


async def _plan(session: Session, user_id: UUID, run: PipelineRun, place: tuple[str, str]) -> PlannedRun:
    """Its agent's version is the one of today, whenever its turn comes."""
    if run.agent_id is None:
        return PlannedRun(run.name, run.input)
    agent = await agent_for_work(session, user_id, run.agent_id, "stages", *place, "agentId")
    return PlannedRun(run.name, run.input, agent.id, agent.version_id)
