"""Schedules: runs that are started again and again, by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from db.schedules import ScheduleRow
from engine.commands import schedules as engine
from engine.commands.schedules import NewSchedule
from engine.states import Priority, StartProblem
from ids import Kind
from projection import holds_row
from resolvers import agents, schedules
from resolvers.idempotency import Call, Effect, recall_deletion
from schema import problems
from schema.agents import Agent
from schema.arguments import or_none, window
from schema.columns import column, id_column, off_rows
from schema.connection import Connection, connection, ordered_by
from schema.context import Info
from schema.mutations import call_of, input_id, mutate
from schema.node import Node

_WHY = {
    StartProblem.AGENT_ARCHIVED: "Its agent is archived.",
    StartProblem.INVALID_INPUT: "Its run could not be started: what it is asked is no longer accepted.",
    StartProblem.INTERNAL_ERROR: "Something went wrong on our side.",
}
strawberry.enum(StartProblem, name="ScheduleProblemCode", description="Why a tick started no run.")


@strawberry.type(description="The last tick of a schedule started no run, and why. The next ones are tried.")
class ScheduleProblem:
    code: StartProblem
    message: str
    at: datetime = strawberry.field(description="The tick.")

    @classmethod
    def of_schedule(cls, row: ScheduleRow) -> ScheduleProblem | None:
        if row.problem is None or row.problem_at is None:
            return None
        code = StartProblem(row.problem)
        return cls(code=code, message=_WHY[code], at=row.problem_at)


@off_rows
@strawberry.type(description="Starts a run again and again, by the clock.")
class Schedule(Node):
    id: strawberry.ID = id_column(Kind.SCHEDULE)
    cron: str = column(description="Five fields, e.g. `0 9 * * 1`.")
    time_zone: str = column(description="IANA name.")
    input: str = column()
    priority: Priority = column()
    remaining: int | None = column(description="How many more runs it starts; null: no end.")
    next_run_at: datetime | None = column(description="Null when it has come to its end.")
    problem: ScheduleProblem | None = column(
        ScheduleProblem.of_schedule, description="Why the last tick started no run; null where it did."
    )
    created_at: datetime = column()
    row: strawberry.Private[ScheduleRow]

    @classmethod
    @holds_row
    def of(cls, row: ScheduleRow) -> Schedule:
        return cls(row=row)

    @strawberry.field
    async def agent(self, info: Info) -> Agent | None:
        if self.row.agent_id is None:
            return None
        (row,) = await info.context.load_many(agents.agents_by_ids, [self.row.agent_id])
        return None if row is None else Agent.of(row)


@strawberry.input
class CreateScheduleInput:
    cron: str = strawberry.field(
        description="Five fields (minute, hour, day of month, month, day of week), e.g. `0 9 * * 1`."
    )
    time_zone: str | None = strawberry.field(
        default="UTC", description="IANA name: the clock that `cron` is read by."
    )
    input: str = strawberry.field(description="What each run is asked.")
    agent_id: strawberry.ID | None = strawberry.UNSET
    priority: Priority | None = Priority.MEDIUM
    repeat: int | None = strawberry.field(
        default=strawberry.UNSET, description="How many runs it starts at most; left out: no end."
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.type
class CreateScheduleSuccess:
    schedule: Schedule
    replayed: bool


@strawberry.type(description="Deleting is idempotent. Runs that it has started go on.")
class DeleteScheduleSuccess:
    id: strawberry.ID
    deleted: bool


CreateScheduleResult = Annotated[
    CreateScheduleSuccess
    | problems.NotFound
    | problems.InvalidInput
    | problems.IdempotencyConflict
    | problems.IdempotencyInFlight,
    strawberry.union("CreateScheduleResult"),
]
DeleteScheduleResult = Annotated[
    DeleteScheduleSuccess | problems.InvalidInput, strawberry.union("DeleteScheduleResult")
]


@strawberry.type
class ScheduleQueries:
    @strawberry.field(description="Newest first.")
    async def schedules(
        self,
        info: Info,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> Connection[Schedule]:
        db, user_id = info.context.services.db, info.context.user_id
        page = await schedules.schedule_page(db, user_id, window(first, after, last, before))
        return connection(
            page,
            node=Schedule.of,
            cursor=ordered_by("CREATED_AT"),
            count=lambda: schedules.schedule_count(db, user_id),
        )


@strawberry.type
class ScheduleMutations:
    @strawberry.mutation(description="Start a run again and again, by the clock.")
    async def create_schedule(self, info: Info, input: CreateScheduleInput) -> CreateScheduleResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            call_of(info, "createSchedule", input),
            Effect(
                carry_out=lambda session: engine.create_schedule(session, user_id, _new(input)),
                refer=schedules.refer_to,
                recall=lambda session, reference: schedules.recall_schedule(session, user_id, reference),
            ),
            lambda row, replayed: CreateScheduleSuccess(schedule=Schedule.of(row), replayed=replayed),
            problems.NotFound,
            problems.InvalidInput,
            problems.IdempotencyConflict,
            problems.IdempotencyInFlight,
        )

    @strawberry.mutation(description="End a schedule.")
    async def delete_schedule(self, info: Info, id: strawberry.ID) -> DeleteScheduleResult:
        user_id = info.context.user_id
        return await mutate(
            info,
            Call("deleteSchedule", {"id": id}, info.context.idempotency_key),
            Effect(
                carry_out=lambda session: engine.delete_schedule(
                    session, user_id, input_id(Kind.SCHEDULE, id)
                ),
                refer=lambda deleted: {"deleted": deleted},
                recall=recall_deletion,
            ),
            lambda deleted, _: DeleteScheduleSuccess(id=id, deleted=deleted),
            problems.InvalidInput,
        )


def _new(asked: CreateScheduleInput) -> NewSchedule:
    return NewSchedule(
        cron=asked.cron,
        input=asked.input,
        time_zone=asked.time_zone or "UTC",
        priority=asked.priority or Priority.MEDIUM,
        agent_id=input_id(Kind.AGENT, asked.agent_id, "agentId") if asked.agent_id else None,
        repeat=or_none(asked.repeat),
    )
