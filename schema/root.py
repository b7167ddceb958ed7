"""The schema: every noun's queries, mutations and subscriptions put together, once for each process."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema import events
from schema.agents import AgentMutations, AgentQueries
from schema.conversations import ConversationMutations, ConversationQueries
from schema.event import Event
from schema.executions import ExecutionMutations, ExecutionQueries
from schema.interrupts import InterruptMutations, InterruptQueries
from schema.limits import LimitQueries
from schema.messages import MessageMutations
from schema.nodes import NodeQueries
from schema.pipelines import PipelineMutations
from schema.scalars import SCALARS
from schema.schedules import ScheduleMutations, ScheduleQueries
from schema.streams import Subscription
from schema.task_agent import TaskAgentMutations
from schema.tasks import TaskMutations, TaskQueries
from schema.tools import ToolMutations, ToolQueries
from schema.users import UserMutations, UserQueries
from schema.words import describe


@strawberry.type
class Query(
    UserQueries,
    NodeQueries,
    LimitQueries,
    TaskQueries,
    AgentQueries,
    ToolQueries,
    ConversationQueries,
    ExecutionQueries,
    InterruptQueries,
    ScheduleQueries,
):
    pass


@strawberry.type
class Mutation(
    UserMutations,
    TaskMutations,
    TaskAgentMutations,
    AgentMutations,
    ToolMutations,
    ConversationMutations,
    MessageMutations,
    ExecutionMutations,
    InterruptMutations,
    PipelineMutations,
    ScheduleMutations,
):
    pass


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)],
    config=StrawberryConfig(scalar_map=SCALARS),
)
describe(schema)
