"""Steps of one run taken over by another that starts from them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db.query import Query
from db.session import Session
from db.steps import StepRow

# Begins and ends of steps take two seqs each, in order, from the second entry of the new run's log on.
_KEEP = Query(
    f"""
    insert into steps
      (id, execution_id, user_id, number, kind, status, tool_name, call_id, input, result, text, error,
       model_message, input_tokens, output_tokens, cost, attempt, tries, effect, started_at,
       finished_at, started_seq, finished_seq)
    select fresh.id, :execution_id, user_id, step.number, kind, status, tool_name, call_id, input, result,
      text, error, model_message, input_tokens, output_tokens, cost, 0, tries, effect, started_at,
      finished_at, 2 * step.number, 2 * step.number + 1
    from steps as step
    join unnest(cast(:ids as uuid[])) with ordinality as fresh (id, number) on fresh.number = step.number
    where step.execution_id = :old_id and step.user_id = :user_id
    returning {", ".join(f"steps.{name}" for name in StepRow.columns())}
    """,
    StepRow,
)
_BEGIN = Query(
    f"""
    insert into steps
      (id, execution_id, user_id, number, kind, tool_name, call_id, input, attempt, tries, effect,
       started_at, started_seq)
    select fresh.id, :execution_id, user_id, step.number, kind, tool_name, call_id, input, 0, 0, effect,
      clock_timestamp(), cast(:base as int) + fresh.place
    from steps as step
    join unnest(cast(:ids as uuid[]), cast(:numbers as int[])) with ordinality as fresh (id, number, place)
      on fresh.number = step.number
    where step.execution_id = :old_id and step.user_id = :user_id
    returning {", ".join(f"steps.{name}" for name in StepRow.columns())}
    """,
    StepRow,
)


async def keep_steps(
    session: Session, user_id: UUID, old_id: UUID, execution_id: UUID, ids: Sequence[UUID]
) -> list[StepRow]:
    """The first steps of `old_id` as steps of another run, with these ids; attempt 0. In order."""
    kept = await session.all(_KEEP, user_id=user_id, old_id=old_id, execution_id=execution_id, ids=list(ids))
    return sorted(kept, key=lambda step: step.number)


async def begin_again(
    session: Session, user_id: UUID, old_id: UUID, execution_id: UUID, fresh: dict[int, UUID], base: int
) -> list[StepRow]:
    """Steps of `old_id`, by number, as steps that another run has begun; seqs follow `base`. In order."""
    begun = await session.all(
        _BEGIN,
        user_id=user_id,
        old_id=old_id,
        execution_id=execution_id,
        ids=list(fresh.values()),
        numbers=list(fresh),
        base=base,
    )
    return sorted(begun, key=lambda step: step.number)
