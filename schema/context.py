"""What a field may know of who asks: one context for each operation, never shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from auth import Principal
from db.agents import AgentRow
from db.tasks import TaskRow
from errors import Unauthenticated
from resolvers.agents import agents_by_ids
from resolvers.services import Services
from resolvers.tasks import tasks_by_ids


@dataclass(slots=True)
class Context:
    """One operation's."""

    services: Services
    principal: Principal | None = None
    idempotency_key: str | None = None
    "From the HTTP header; only there for a document with a single mutation field."
    tasks: DataLoader[UUID, TaskRow | None] = field(init=False)
    "Tasks that several fields of the operation ask for, in one statement."
    agents: DataLoader[UUID, AgentRow | None] = field(init=False)
    "Agents, in the same way."
    more_time: Callable[[float], None] = lambda _: None
    "Lets the operation run longer, by seconds: for fields that wait by contract."

    def __post_init__(self) -> None:
        self.tasks = DataLoader[UUID, TaskRow | None](self._load_tasks)
        self.agents = DataLoader[UUID, AgentRow | None](self._load_agents)

    async def _load_tasks(self, ids: list[UUID]) -> list[TaskRow | None]:
        found = await tasks_by_ids(self.services.db, self.user_id, ids)
        return [found.get(one) for one in ids]

    async def _load_agents(self, ids: list[UUID]) -> list[AgentRow | None]:
        found = await agents_by_ids(self.services.db, self.user_id, ids)
        return [found.get(one) for one in ids]

    @property
    def user_id(self) -> UUID:
        """Who asks. Raises Unauthenticated."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal.user_id


Info: TypeAlias = strawberry.Info[Context, None]
