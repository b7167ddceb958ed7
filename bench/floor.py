"""The floor under the API: bare Starlette routes that carry out the same statements through the same pool.

No GraphQL, no token, no language, no check of the input: what is left is HTTP, JSON and the database. Run by
`uvicorn bench.floor:app`, with `DATABASE_URL`.
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
from db.events import insert_activity
from db.paging import Page
from db.session import Session
from db.tasks import (
    TASKS,
    TaskRow,
    bury_task,
    get_task_by_number,
    insert_task,
    lock_task,
    recent_tasks,
    write_task,
)
from ids import new_id
from settings import Settings

_FIELDS = ("title", "description", "priority", "due_at", "completed")
_KNOWN = 2_000


class Floor:
    """The routes, and the pool that they share."""

    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None
        self._db = Database(settings.database_url, size=settings.pool_size, name="bench floor")

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/task", self._task, methods=["POST"])], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        await self._db.open()
        yield
        await self._db.close()

    async def _task(self, request: Request) -> Response:
        """What `bench.speech.to_floor` asks, answered in the shape of the API's answer."""
        asked = orjson.loads(await request.body())
        user_id = UUID(asked["user"])

        async def work(session: Session) -> list[TaskRow]:
            return await _carried_out(session, user_id, asked)

        rows = await self._db.transact(user_id, work)
        answer = {"outcome": "DONE", "tasks": [_told(row) for row in rows]}
        return Response(orjson.dumps({"data": {"askTaskAgent": answer}}), media_type="application/json")


async def _carried_out(session: Session, user_id: UUID, asked: dict[str, Any]) -> list[TaskRow]:
    match asked["operation"]:
        case "list":
            page = Page(size=100, order="CREATED_AT")
            return (await TASKS.page(session, page, {**asked["fields"], "user_id": user_id})).rows
        case "create":
            return [await _created(session, user_id, asked["fields"])]
        case "delete":
            row = await _meant(session, user_id, asked)
            await bury_task(session, user_id, row.id)
            await _tell(session, user_id, row)
            return [row]
        case _:
            return [await _changed(session, user_id, asked)]


async def _created(session: Session, user_id: UUID, fields: dict[str, object]) -> TaskRow:
    wanted = {"description": None, "priority": 2, "due_at": None, **fields}
    return await insert_task(session, user_id, new_id(), wanted)


async def _changed(session: Session, user_id: UUID, asked: dict[str, Any]) -> TaskRow:
    task_id = (await _meant(session, user_id, asked)).id
    row = await lock_task(session, user_id, task_id)
    assert row is not None
    kept = {name: getattr(row, name) for name in _FIELDS}
    changed = await write_task(session, user_id, task_id, kept | asked["fields"])
    await _tell(session, user_id, changed)
    return changed


async def _meant(session: Session, user_id: UUID, asked: dict[str, Any]) -> TaskRow:
    if asked["byNumber"]:
        rows = [await get_task_by_number(session, user_id, asked["number"])]
    else:
        rows = await recent_tasks(session, user_id, _KNOWN)
    return next(row for row in rows if row and row.number == asked["number"])


async def _tell(session: Session, user_id: UUID, row: TaskRow) -> None:
    await insert_activity(session, user_id, ["TaskChanged"], [{"task": _told(row)}])


def _told(row: TaskRow) -> dict[str, object]:
    return {
        "id": str(row.id),
        "number": row.number,
        "title": row.title,
        "priority": row.priority,
        "completed": row.completed,
        "dueAt": row.due_at.isoformat() if row.due_at else None,
    }


def __getattr__(name: str) -> Starlette:
    if name != "app":
        raise AttributeError(name)
    return Floor(Settings.load()).application()
