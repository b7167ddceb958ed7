"""How a pipeline gets from one stage to the next. Everything here is called with its family locked."""

from __future__ import annotations

from collections.abc import Sequence

from db import children
from db.executions import ExecutionRow
from db.session import Session
from engine.endings import answered, failed
from engine.log import append
from engine.runs.children import Share, start_child
from engine.runs.families import Move, after_child, stop_children
from engine.runs.pipeline_plans import PlannedRun
from engine.states import TERMINAL, EndReason, Status
from events.kinds import ProgressReported


async def start_stage(session: Session, pipeline: ExecutionRow, stage: int) -> None:
    """Start all runs of a stage; those of the stages before have their results."""
    runs = [PlannedRun.of(kept) for kept in (pipeline.stages or [])[stage]]
    done = await children.children_of(session, pipeline.user_id, [pipeline.id])
    results = {row.name or "": row.result for row in done}
    share = Share.of(pipeline, len(runs))
    for run in runs:
        await start_child(session, pipeline, share, run.fields(stage, results))


async def after_run(session: Session, pipeline: ExecutionRow) -> list[Move]:
    """One of its runs has ended: what is to happen to the pipeline, or to the others."""
    if pipeline.status != Status.RUNNING:
        return await after_child(session, pipeline)
    runs = await children.children_of(session, pipeline.user_id, [pipeline.id])
    await _report(session, pipeline, runs)
    is_under_way = any(run.status not in TERMINAL for run in runs)
    if (broken := _first_broken(runs)) is not None:
        return await _give_up(session, pipeline, broken, is_under_way)
    if is_under_way:
        return []
    return await _go_on(session, pipeline, runs)


async def _give_up(
    session: Session, pipeline: ExecutionRow, broken: ExecutionRow, is_under_way: bool
) -> list[Move]:
    """It has failed once nothing of it is under way any more."""
    if is_under_way:
        return await stop_children(
            session, pipeline, f"The run {broken.name!r} of its pipeline did not succeed."
        )
    reason = EndReason(broken.end_reason or EndReason.TOOL_ERROR)
    how = "was stopped" if broken.status == Status.CANCELLED else f"failed: {broken.error}"
    return [Move(pipeline, failed(reason, f"The run {broken.name!r} {how}"))]


async def _go_on(session: Session, pipeline: ExecutionRow, runs: Sequence[ExecutionRow]) -> list[Move]:
    stage = max(run.stage or 0 for run in runs)
    if stage + 1 < len(pipeline.stages or []):
        await start_stage(session, pipeline, stage + 1)
        return []
    last = [run for run in runs if run.stage == stage]
    result = last[0].result if len(last) == 1 else {run.name: run.result for run in last}
    return [Move(pipeline, answered(result))]


async def _report(session: Session, pipeline: ExecutionRow, runs: Sequence[ExecutionRow]) -> None:
    total = sum(map(len, pipeline.stages or []))
    done = sum(run.status in TERMINAL for run in runs)
    percent = round(100 * done / total, 1)
    row = await children.write_progress(session, pipeline, percent, f"{done} of {total} runs have ended")
    fact = ProgressReported(
        execution_id=row.id,
        percent=percent,
        message=row.progress_message,
        at=row.progress_at or row.created_at,
    )
    await append(session, row.id, row.user_id, row.last_seq, [fact])


def _first_broken(runs: Sequence[ExecutionRow]) -> ExecutionRow | None:
    """What went wrong first: the others were stopped because of it."""
    broken = [run for run in runs if run.status in {Status.FAILED, Status.CANCELLED}]
    return min(broken, key=lambda run: (run.finished_at or run.created_at, run.id), default=None)
