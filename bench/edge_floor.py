"""The floor under the edge: bare Starlette routes, the same statements, the same pool, the same role.

No GraphQL, no token, no cost, no check of the input: HTTP, JSON and the database are left. Run by
`uvicorn bench.edge_floor:app`, with `DATABASE_URL`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db.connection import Database
from db.executions import EXECUTIONS, ExecutionRow
from db.gathering import ask_as_user
from db.paging import Page
from db.session import Session
from db.steps import STEPS, StepRow
from db.tasks import TASKS, TaskRow, get_task_by_number
from engine.tasks.changes import create_task
from ids import Kind, encode
from settings import Settings

_PRIORITIES = {1: "LOW", 2: "MEDIUM", 3: "HIGH"}
_NEWEST = {"order": "CREATED_AT", "descending": True}


class Floor:
    """The routes, and the pool that they share."""

    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None
        self._db = Database(settings.database_url, size=settings.pool_size, name="bench floor")

    def application(self) -> Starlette:
        """The ASGI application."""
        asked = {"list": self._list, "nested": self._nested, "single": self._single, "create": self._create}
        routes = [Route(f"/{name}", route, methods=["POST"]) for name, route in asked.items()]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        await self._db.open()
        yield
        await self._db.close()

    async def _list(self, request: Request) -> Response:
        user_id, asked = await _read(request)
        page = Page(size=asked["first"], **_NEWEST)
        found = await TASKS.page(self._db.reading(user_id), page, {"user_id": user_id})
        return _json({"nodes": [_task(row) for row in found.rows], "hasNextPage": found.has_next})

    async def _nested(self, request: Request) -> Response:
        """Three statements: tasks, the runs of all, the steps of all."""
        user_id, asked = await _read(request)
        page = Page(size=asked["first"], order="CREATED_AT")
        tasks = (await TASKS.page(self._db.reading(user_id), page, {"user_id": user_id})).rows
        runs = await _together(self._db, user_id, EXECUTIONS, Page(size=5, **_NEWEST), [
            {"user_id": user_id, "task_id": task.id} for task in tasks
        ])  # fmt: skip
        steps = iter(await _together(self._db, user_id, STEPS, Page(size=5, order="NUMBER"), [
            {"user_id": user_id, "execution_id": run.id, "as_of": run.last_seq}
            for some in runs for run in some
        ]))  # fmt: skip
        return _json([
            {"id": encode(Kind.TASK, task.id), "title": task.title,
             "executions": [_run(run, next(steps)) for run in some]}
            for task, some in zip(tasks, runs, strict=True)
        ])  # fmt: skip

    async def _single(self, request: Request) -> Response:
        user_id, asked = await _read(request)
        row = await get_task_by_number(self._db.reading(user_id), user_id, asked["number"])
        return _json(None if row is None else _task(row))

    async def _create(self, request: Request) -> Response:
        user_id, asked = await _read(request)

        async def work(session: Session) -> TaskRow:
            return await create_task(session, user_id, {"title": asked["title"]})

        return _json(_task(await self._db.transact(user_id, work)))


async def _together(
    db: Database, user_id: UUID, listing: Any, page: Page, asked: list[Any]
) -> list[list[Any]]:
    """The pages of many lists in one statement, as the edge asks for them."""
    query = listing.query(page, frozenset(asked[0]))
    questions = [query.arguments({**one, "size": page.size + 1}) for one in asked]
    return [rows[: page.size] for rows in await ask_as_user(db, user_id, query, questions)]


async def _read(request: Request) -> tuple[UUID, dict[str, Any]]:
    asked = orjson.loads(await request.body())
    return UUID(asked["user"]), asked


def _json(answer: object) -> Response:
    return Response(orjson.dumps({"data": answer}, option=orjson.OPT_UTC_Z), media_type="application/json")


def _task(row: TaskRow) -> dict[str, object]:
    return {
        "id": encode(Kind.TASK, row.id),
        "number": row.number,
        "title": row.title,
        "description": row.description,
        "priority": _PRIORITIES[row.priority],
        "dueAt": row.due_at,
        "completed": row.completed,
        "completedAt": row.completed_at,
        "version": row.version,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def _run(row: ExecutionRow, steps: list[StepRow]) -> dict[str, object]:
    told = [
        {"id": encode(Kind.STEP, s.id), "number": s.number, "kind": s.kind, "text": s.text} for s in steps
    ]
    return {"id": encode(Kind.EXECUTION, row.id), "status": row.status, "input": row.input, "steps": told}


def __getattr__(name: str) -> Starlette:
    if name != "app":
        raise AttributeError(name)
    return Floor(Settings.load()).application()
