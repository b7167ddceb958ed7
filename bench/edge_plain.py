"""The usual way to an API like ours: Strawberry's own view over SQLAlchemy's ORM.

Run by `uvicorn bench.edge_plain:app`, with `DATABASE_URL`. Tasks only, without users, tokens, limits and
row-level security: `x-user` says whose they are.
"""

from __future__ import annotations

import os
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from db import tables
from ids import new_id


@strawberry.enum
class Priority(Enum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3


@strawberry.type
class Task:
    id: strawberry.ID
    number: int
    title: str
    description: str | None
    priority: Priority
    due_at: datetime | None
    completed: bool
    completed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: tables.Task) -> Task:
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            title=row.title,
            description=row.description,
            priority=Priority(row.priority),
            due_at=row.due_at,
            completed=row.completed_at is not None,
            completed_at=row.completed_at,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.type
class PageInfo:
    has_next_page: bool


@strawberry.type
class TaskConnection:
    nodes: list[Task]
    page_info: PageInfo


@strawberry.type
class Query:
    @strawberry.field
    async def tasks(self, info: strawberry.Info, first: int) -> TaskConnection:
        async with _sessions() as session:
            found = select(tables.Task).where(tables.Task.user_id == _user(info))
            ordered = found.order_by(tables.Task.created_at.desc(), tables.Task.id.desc()).limit(first + 1)
            rows = list(await session.scalars(ordered))
        return TaskConnection(
            nodes=[Task.of(row) for row in rows[:first]], page_info=PageInfo(has_next_page=len(rows) > first)
        )

    @strawberry.field
    async def task(self, info: strawberry.Info, number: int) -> Task | None:
        async with _sessions() as session:
            mine = tables.Task.user_id == _user(info)
            row = await session.scalar(select(tables.Task).where(mine, tables.Task.number == number))
        return None if row is None else Task.of(row)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_task(self, info: strawberry.Info, title: str) -> Task:
        async with _sessions.begin() as session:
            owner = await session.get_one(tables.User, _user(info), with_for_update=True)
            owner.last_task_number += 1
            row = tables.Task(id=new_id(), user_id=owner.id, number=owner.last_task_number, title=title)
            session.add(row)
            await session.flush()
            await session.refresh(row)
            return Task.of(row)


def _user(info: strawberry.Info[Any, Any]) -> UUID:
    return UUID(info.context["request"].headers["x-user"])


_engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10
)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)
app = Starlette(
    routes=[Route("/graphql", GraphQL[Any, Any](strawberry.Schema(Query, Mutation)), methods=["POST"])]
)
