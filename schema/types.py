"""Tasks, runs, interrupts, conversations and messages as clients see them.

They refer to each other, so they share this room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from db.conversations import ConversationRow
from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.messages import MessageRow
from db.tasks import TaskRow
from engine.commands.conversations import Role
from engine.states import (
    TERMINAL,
    Decision,
    EndReason,
    InterruptReason,
    InterruptStatus,
    Priority,
    Status,
)
from errors import NotFound
from events.kinds import InterruptFacts, MessageFacts, TaskFacts
from ids import Kind
from projection import declare_for_all, holds_row
from resolvers import agents, children, conversations, executions, interrupts, tasks
from resolvers.paging import Window
from resolvers.snapshots import Past, PastConversation, interrupt_as_of, run_as_of
from schema.agents import Agent
from schema.arguments import or_none, window
from schema.columns import column, id_column, off_rows
from schema.connection import Connection, connection, ordered_by
from schema.context import Info
from schema.event import EventConnection
from schema.node import Node
from schema.scalars import JSON
from schema.steps import Progress, Step, Usage

strawberry.enum(Priority)
strawberry.enum(EndReason)
strawberry.enum(Status, name="ExecutionStatus")
strawberry.enum(Role, name="MessageRole")
strawberry.enum(InterruptReason)
strawberry.enum(InterruptStatus)
strawberry.enum(Decision)

_BY_CREATED_AT = ordered_by("CREATED_AT")
_BY_NUMBER = ordered_by("NUMBER")


async def execution_connections(
    info: Info, filters: Sequence[Mapping[str, object]], within: Window
) -> list[Connection[Execution]]:
    """For each of these filters, which all set the same ones, the viewer's runs that it lets through."""
    db, user_id = info.context.together, info.context.user_id
    pages = await executions.execution_pages(db, user_id, filters, within)
    return [
        connection(
            page,
            node=Execution.of,
            cursor=_BY_CREATED_AT,
            count=partial(executions.execution_count, db, user_id, one),
        )
        for page, one in zip(pages, filters, strict=True)
    ]


# Of all objects of a list at once: see `projection.declare_for_all`.


async def _runs_of_tasks(
    some: Sequence[Task], info: Info, first: int | None = UNSET, after: str | None = UNSET
) -> list[Connection[Execution]]:
    filters = [{"task_id": one.row.id} for one in some]
    return await execution_connections(info, filters, window(first, after))


async def _runs_of_conversations(
    some: Sequence[Conversation], info: Info, first: int | None = UNSET, after: str | None = UNSET
) -> list[Connection[Execution]]:
    filters = [{"conversation_id": one.row.id} for one in some]
    return await execution_connections(info, filters, window(first, after))


async def _steps_of_runs(
    some: Sequence[Execution], info: Info, first: int | None = UNSET, after: str | None = UNSET
) -> list[Connection[Step]]:
    db, runs = info.context.together, [(one.row, one.seq) for one in some]
    pages = await executions.step_pages(db, info.context.user_id, runs, window(first, after))
    return [
        connection(
            page,
            node=partial(Step.as_of, seq=seq),
            cursor=_BY_NUMBER,
            count=partial(executions.step_count, db, row, seq),
        )
        for page, (row, seq) in zip(pages, runs, strict=True)
    ]


async def _messages_of_conversations(
    some: Sequence[Conversation],
    info: Info,
    first: int | None = UNSET,
    after: str | None = UNSET,
    last: int | None = UNSET,
    before: str | None = UNSET,
) -> list[Connection[Message]]:
    db, talks = info.context.together, [(one.row, one.up_to) for one in some]
    within = window(first, after, last, before)
    pages = await conversations.message_pages(db, info.context.user_id, talks, within)
    return [
        connection(
            page,
            node=Message.of,
            cursor=_BY_NUMBER,
            count=partial(conversations.message_count, db, row, up_to),
        )
        for page, (row, up_to) in zip(pages, talks, strict=True)
    ]


@off_rows
@strawberry.type(description="Something to be done.")
class Task(Node):
    id: strawberry.ID = id_column(Kind.TASK)
    number: int = column(description="Counts up from 1 for each user: what `task 5` means in a sentence.")
    title: str = column(description="1 to 500 characters.")
    description: str | None = column()
    priority: Priority = column()
    due_at: datetime | None = column()
    completed: bool = column(lambda row: row.completed_at is not None)
    completed_at: datetime | None = column(description="Null while it is open.")
    version: int = column(
        description="Goes up by one with each change; pass it to an update to refuse a lost update."
    )
    created_at: datetime = column()
    updated_at: datetime = column()
    row: strawberry.Private[TaskRow | TaskFacts]

    @classmethod
    @holds_row
    def of(cls, row: TaskRow | TaskFacts) -> Task:
        return cls(row=row)

    @strawberry.field(
        description="Agent runs started for this task, newest first.",
        metadata=declare_for_all(_runs_of_tasks),
    )
    async def executions(
        self, info: Info, first: int | None = 50, after: str | None = UNSET
    ) -> Connection[Annotated[Execution, strawberry.lazy("schema.types")]]:
        return await info.context.one_of(_runs_of_tasks, self, info, first=first, after=after)


@off_rows
@strawberry.type(
    description="A durable run of an agent. Any worker carries it on, and any server streams it."
)
class Execution(Node):
    id: strawberry.ID = id_column(Kind.EXECUTION)
    input: str = column(description="What was asked.")
    status: Status = column()
    end_reason: EndReason | None = column(
        lambda row: row.end_reason if row.status in TERMINAL else None,
        description="Why it ended; null until then.",
    )
    result: JSON | None = column(description="The final answer.")
    error: str | None = column(description="One sentence on what went wrong; null unless FAILED.")
    progress: Progress | None = column(Progress.of_run, description="How far it is, where it has said so.")
    priority: Priority = column()
    usage: Usage = column(
        Usage.of, description="What its models have used so far; of a pipeline, what its runs have."
    )
    attempt: int = column(description="Goes up when a worker was lost and another takes the run up.")
    metadata: JSON | None = column(
        description="What its starter attached; `ExecutionFilter.metadata` finds it."
    )
    created_at: datetime = column()
    scheduled_for: datetime | None = column("start_at", description="It starts no earlier.")
    started_at: datetime | None = column(description="When a worker first took it up.")
    finished_at: datetime | None = column(description="When it reached COMPLETED, FAILED or CANCELLED.")
    row: strawberry.Private[ExecutionRow]
    seq: strawberry.Private[int]

    @classmethod
    @holds_row
    def of(cls, row: ExecutionRow) -> Execution:
        return cls(row=row, seq=row.last_seq)

    @classmethod
    def as_of(cls, past: Past) -> Execution:
        """The run as its log knew it at an older seq."""
        return cls(row=run_as_of(past), seq=past.seq)

    @strawberry.field(description="The task it was started for.")
    async def task(self, info: Info) -> Task | None:
        if self.row.task_id is None:
            return None
        row = await info.context.load(tasks.tasks_by_ids, self.row.task_id)
        return None if row is None else Task.of(row)

    @strawberry.field(description="The agent as it is today; null: the built-in assistant.")
    async def agent(self, info: Info) -> Agent | None:
        return await agent_or_none(info, self.row.agent_id)

    @strawberry.field(description="Where its answer is written as a message.")
    async def conversation(
        self, info: Info
    ) -> Annotated[Conversation, strawberry.lazy("schema.types")] | None:
        if self.row.conversation_id is None:
            return None
        row = await info.context.load(conversations.conversations_by_ids, self.row.conversation_id)
        return None if row is None else Conversation.of(row)

    @strawberry.field(description="The run that started it.")
    async def parent(self, info: Info) -> Execution | None:
        if self.row.parent_id is None:
            return None
        row = await info.context.load(executions.executions_by_ids, self.row.parent_id)
        return None if row is None else Execution.of(row)

    @strawberry.field(description="The runs that it started, oldest first.")
    async def children(self, info: Info) -> list[Execution]:
        rows = await info.context.load(children.children_by_parents, self.row.id)
        return [Execution.of(row) for row in rows or ()]

    @strawberry.field(description="What it has asked people, oldest first.")
    async def interrupts(
        self, info: Info, status: InterruptStatus | None = UNSET
    ) -> list[Annotated[Interrupt, strawberry.lazy("schema.types")]]:
        rows = await info.context.load(interrupts.interrupts_by_executions, self.row.id)
        known = [Interrupt.as_of(row, self.seq) for row in rows or () if row.opened_seq <= self.seq]
        return [one for one in known if not status or one.row.status == status]

    @strawberry.field(
        description="What it has done, in order. A `first` up to 100; 50 when left out.",
        metadata=declare_for_all(_steps_of_runs),
    )
    async def steps(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Step]:
        return await info.context.one_of(_steps_of_runs, self, info, first=first, after=after)

    @strawberry.field(
        description="The same events, in the same order, with the same cursors as `executionStream`."
    )
    async def events(self, info: Info, first: int | None = 100, after: str | None = UNSET) -> EventConnection:
        page = await executions.event_page(info.context.together, self.row, or_none(first), or_none(after))
        return EventConnection(stream=self.row.id, epoch=info.context.services.logs.epoch, page=page)

    @strawberry.field(description="How many runs go first; null unless QUEUED.")
    async def queue_position(self, info: Info) -> int | None:
        if self.row.status != Status.QUEUED:
            return None
        return await info.context.load(executions.queue_positions, self.row.id)

    @strawberry.field(description="Where its stream stands now.")
    def cursor(self, info: Info) -> str:
        return info.context.services.logs.cursor(self.row.id, self.seq)


@off_rows
@strawberry.type(
    description="Something that a run needs a person for. The run is AWAITING_INPUT and holds no worker."
)
class Interrupt(Node):
    id: strawberry.ID = id_column(Kind.INTERRUPT)
    reason: InterruptReason = column()
    prompt: str = column(description="The question, for a person.")
    tool_name: str | None = column(description="The tool that waits, where there is one.")
    arguments: JSON | None = column(
        description="What the tool would be called with, or the budget that is proposed."
    )
    response_schema: JSON | None = column(description="JSON Schema that `value` or `arguments` must satisfy.")
    status: InterruptStatus = column()
    decision: Decision | None = column(description="Null until it is answered.")
    answer: JSON | None = column(description="The `arguments` or the `value` of the answer.")
    comment: str | None = column(description="What the person who answered said to it.")
    answered_at: datetime | None = column(description="Null until it is answered.")
    expires_at: datetime = column(
        description="Always set: an unanswered interrupt ends the run with INPUT_EXPIRED."
    )
    created_at: datetime = column()
    row: strawberry.Private[InterruptRow | InterruptFacts]

    @classmethod
    @holds_row
    def of(cls, row: InterruptRow | InterruptFacts) -> Interrupt:
        return cls(row=row)

    @classmethod
    def as_of(cls, row: InterruptRow, seq: int) -> Interrupt:
        """The interrupt as its run's log knew it at `seq`."""
        return cls(row=interrupt_as_of(row, seq))

    @strawberry.field(description="The run that asks.")
    async def execution(self, info: Info) -> Execution:
        row = await info.context.load(executions.executions_by_ids, self.row.execution_id)
        if row is None:
            raise NotFound
        return Execution.of(row)

    @strawberry.field(description="The step that waits, where there is one.")
    async def step(self, info: Info) -> Step | None:
        if self.row.step_id is None:
            return None
        row = await info.context.load(executions.steps_by_ids, self.row.step_id)
        return None if row is None else Step.of(row)


@off_rows
@strawberry.type(description="One message of a conversation.")
class Message(Node):
    id: strawberry.ID = id_column(Kind.MESSAGE)
    role: Role = column(description="Who says it.")
    content: str = column(description="Text as it was written; Markdown by custom.")
    created_at: datetime = column()
    row: strawberry.Private[MessageRow | MessageFacts]

    @classmethod
    @holds_row
    def of(cls, row: MessageRow | MessageFacts) -> Message:
        return cls(row=row)

    @strawberry.field(description="The run that wrote it, or that it started.")
    async def execution(self, info: Info) -> Execution | None:
        if self.row.execution_id is None:
            return None
        row = await info.context.load(executions.executions_by_ids, self.row.execution_id)
        return None if row is None else Execution.of(row)


@off_rows
@strawberry.type(description="Messages, numbered and kept, and the runs that answer them.")
class Conversation(Node):
    id: strawberry.ID = id_column(Kind.CONVERSATION)
    title: str | None = column(description="Null where it was given none.")
    created_at: datetime = column()
    updated_at: datetime = column()
    row: strawberry.Private[ConversationRow]
    seq: strawberry.Private[int]
    up_to: strawberry.Private[int]
    "The number of the last message that is told of."

    @classmethod
    def of(cls, row: ConversationRow) -> Conversation:
        return cls(row=row, seq=conversations.where_it_stands(row), up_to=row.last_message_number)

    @classmethod
    def as_of(cls, past: PastConversation) -> Conversation:
        """The conversation as its log knew it at an older seq."""
        return cls(row=past.row, seq=past.seq, up_to=past.up_to)

    @strawberry.field(description="The agent that answers; the built-in assistant when none was chosen.")
    async def agent(self, info: Info) -> Agent | None:
        return await agent_or_none(info, self.row.agent_id)

    @strawberry.field(description="Oldest first.", metadata=declare_for_all(_messages_of_conversations))
    async def messages(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
    ) -> Connection[Message]:
        given = {"first": first, "after": after, "last": last, "before": before}
        return await info.context.one_of(_messages_of_conversations, self, info, **given)

    @strawberry.field(
        description="The runs that answer its messages, newest first.",
        metadata=declare_for_all(_runs_of_conversations),
    )
    async def executions(
        self, info: Info, first: int | None = 50, after: str | None = UNSET
    ) -> Connection[Execution]:
        return await info.context.one_of(_runs_of_conversations, self, info, first=first, after=after)

    @strawberry.field(description="Where its stream stands now: pass it as `after` to follow from here.")
    def cursor(self, info: Info) -> str:
        return info.context.services.logs.cursor(self.row.id, self.seq)


async def agent_or_none(info: Info, agent_id: UUID | None) -> Agent | None:
    """The agent as it is today."""
    row = None if agent_id is None else await info.context.load(agents.agents_by_ids, agent_id)
    return None if row is None else Agent.of(row)
