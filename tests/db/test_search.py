"""Searching on a server that has no pg_trgm."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from db.connection import Database
from db.paging import Page
from db.query import Query
from db.tasks import TASKS
from engine.tasks import changes
from ids import new_id

pytestmark = pytest.mark.anyio

MIGRATION = Path(__file__).parents[2] / "alembic" / "versions" / "0001_frame.py"


def migration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("frame", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("search", "count"), [("DENT", 1), ("dentist call", 1), ("dentsit", 0), ("%", 0)])
async def test_without_fuzziness_words_and_parts_are_found(db: Database, search: str, count: int) -> None:
    """The function that the migration makes there, in place of the one it made here."""
    ada = new_id()
    plain = migration().MATCHES.format(fuzzy="").replace("create function", "create or replace function")
    async with db.as_system() as session:
        await session.run(Query(plain.replace(":", r"\:")))
        await session.run(Query("insert into users (id) values (:id)"), id=ada)
    async with db.as_user(ada) as session:
        await changes.create_task(session, ada, {"title": "Call the dentist"})

        found = await TASKS.page(session, Page(10, "CREATED_AT"), {"user_id": ada, "search": search})

    assert len(found.rows) == count
