"""What a bench stands on: a database of its own, and users who have tasks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from auth import Tokens
from bench.errands import Day, Known, titles
from db.connection import Database
from db.tasks import insert_task
from engine.states import Priority
from ids import new_id
from resolvers.users import ensure_user
from settings import Settings
from tests.processes import SECRET

_PRIORITIES = list(Priority)


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a token, and what they say."""

    id: UUID
    token: str
    day: Day


async def people(db: Database, name: str, count: int, tasks: int) -> list[Person]:
    """So many users with so many tasks each."""
    tokens = Tokens(Settings(), SECRET.encode())
    found: list[Person] = []
    for place in range(count):
        user = await ensure_user(db, f"{name}-{place}@example.com")
        token, _ = tokens.issue(user.id, seconds=86_400)
        new = titles(place)
        known = await _tasks(db, user.id, [next(new) for _ in range(tasks)])
        found.append(Person(user.id, token, Day(known, new, place)))
    return found


async def _tasks(db: Database, user_id: UUID, titles: list[str]) -> list[Known]:
    async with db.as_user(user_id) as session:
        rows = [
            await insert_task(session, user_id, new_id(), _fields(title, place))
            for place, title in enumerate(titles)
        ]
    return [Known(row.number, row.title) for row in rows]


def _fields(title: str, place: int) -> dict[str, object]:
    priority = _PRIORITIES[place % len(_PRIORITIES)]
    return {"title": title, "description": None, "priority": priority, "due_at": None}


async def backends(dsn: str) -> list[int]:
    """The processes by which Postgres serves this database, our own connection left out."""
    rows = await _ask(
        dsn,
        "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    )
    return [row["pid"] for row in rows]


async def postgres(dsn: str) -> str:
    """One line: which Postgres, and whether its commits are durable."""
    names = ("server_version", "fsync", "synchronous_commit")
    row = (await _ask(dsn, f"select {', '.join(f'current_setting({name!r}) as {name}' for name in names)}"))[
        0
    ]
    return "Postgres " + ", ".join(row[name] if name == names[0] else f"{name} {row[name]}" for name in names)


async def _ask(dsn: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
