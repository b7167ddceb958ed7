"""Starting pipelines."""

from __future__ import annotations

from datetime import datetime

import strawberry

from engine.commands.executions import NewExecution
from engine.commands.pipelines import start_pipeline
from engine.runs.pipeline_plans import PipelineRun
from engine.states import Priority
from ids import Kind
from resolvers import executions
from resolvers.idempotency import Effect
from schema import problems
from schema.arguments import or_none
from schema.context import Info
from schema.executions import (
    BudgetInput,
    StartExecutionResult,
    StartExecutionSuccess,
    budget_of,
    metadata_of,
)
from schema.mutations import call_of, input_id, mutate
from schema.scalars import JSON


@strawberry.input(description="One run of a stage.")
class PipelineRunInput:
    name: str = strawberry.field(description="Unique within the pipeline.")
    input: str = strawberry.field(
        description="`{{name}}` stands for the result of the run of that name in an earlier stage."
    )
    agent_id: strawberry.ID | None = strawberry.UNSET


@strawberry.input(
    description="Stages go one after another; the runs of one stage go side by side. One execution is the "
    "pipeline, each run a child of it."
)
class StartPipelineInput:
    stages: list[list[PipelineRunInput]] = strawberry.field(
        description="1 to 20, with 1 or more runs each, and at most 100 runs in all."
    )
    priority: Priority | None = Priority.MEDIUM
    time_zone: str | None = strawberry.field(
        default="UTC", description="IANA name; decides what `tomorrow` means."
    )
    deadline: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="Of all of it: fail with DEADLINE_EXCEEDED when not finished by then.",
    )
    budget: BudgetInput | None = strawberry.field(
        default=strawberry.UNSET, description="Of all of its runs together."
    )
    metadata: JSON | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class PipelineMutations:
    @strawberry.mutation(description="Start several runs that go in stages.")
    async def start_pipeline(self, info: Info, input: StartPipelineInput) -> StartExecutionResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            call_of(info, "startPipeline", input),
            Effect(
                carry_out=lambda session: start_pipeline(session, user_id, _new(input), _stages(input)),
                refer=executions.refer_to,
                recall=lambda session, reference: executions.recall_execution(session, user_id, reference),
            ),
            StartExecutionSuccess.of,
            problems.NotFound,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )


def _new(asked: StartPipelineInput) -> NewExecution:
    return NewExecution(
        input="",
        priority=asked.priority or Priority.MEDIUM,
        time_zone=asked.time_zone or "UTC",
        metadata=metadata_of(asked.metadata),
        deadline=or_none(asked.deadline),
        budget=budget_of(asked.budget),
    )


def _stages(asked: StartPipelineInput) -> list[list[PipelineRun]]:
    return [
        [_run(run, ("stages", str(n), str(m), "agentId")) for m, run in enumerate(stage)]
        for n, stage in enumerate(asked.stages)
    ]


def _run(asked: PipelineRunInput, path: tuple[str, ...]) -> PipelineRun:
    agent_id = input_id(Kind.AGENT, asked.agent_id, *path) if asked.agent_id else None
    return PipelineRun(asked.name, asked.input, agent_id)
