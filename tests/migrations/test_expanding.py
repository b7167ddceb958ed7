"""Migrations since the newest release only add: its code goes on beside them, and after a rollback."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection

from db.migrate import config, engine_for, migrate
from tests.acceptance.test_streams import check, frames
from tests.api import AWAIT, CREATE, START
from tests.client import Client
from tests.migrations.keep import Release
from tests.postgres import Cluster
from tests.processes import ROOT, House

pytestmark = pytest.mark.anyio

RELEASE = Release.load()
COLUMNS = """
    select table_name || '.' || column_name as name, data_type, is_nullable = 'YES' as may_be_null,
      is_nullable = 'YES' or column_default is not null as may_be_left_out, table_name as table
    from information_schema.columns where table_schema = 'public'
"""
RULES = """
    select relation::regclass::text as table, name, rule, array(
      select attname::text from pg_attribute where attrelid = relation and attnum = any(numbers)) as columns
    from (
      select conrelid as relation, conname::text as name, pg_get_constraintdef(oid) as rule, conkey as numbers
      from pg_constraint
      where connamespace = 'public'::regnamespace and contype <> 'n'
      union
      select indrelid, indexrelid::regclass::text, pg_get_indexdef(indexrelid), indkey::int2[] from pg_index
      where indisunique and indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
    ) as found
"""


@dataclass
class Schema:
    """What old code can stumble over."""

    columns: dict[str, asyncpg.Record]
    rules: dict[str, asyncpg.Record]
    "What refuses rows."

    @property
    def tables(self) -> set[str]:
        return {column["table"] for column in self.columns.values()}


async def schema(dsn: str) -> Schema:
    db = await asyncpg.connect(dsn)
    columns = {row["name"]: row for row in await db.fetch(COLUMNS)}
    rules = {f"{row['table']}: {row['rule']}": row for row in await db.fetch(RULES)}
    await db.close()
    return Schema(columns, rules)


def upgrade(connection: Connection) -> None:
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, RELEASE.migration)


def problems(old: Schema, new: Schema) -> list[str]:
    """Where code that was written for the old one would stumble over the new one."""
    fresh = {name: rule for name, rule in new.rules.items() if name not in old.rules}
    found = [f"a new rule: {name}" for name, rule in fresh.items() if _concerns(rule, old)]
    for name, column in old.columns.items():
        now = new.columns.get(name)
        if now is None:
            found.append(f"{name} is gone")
        elif now["data_type"] != column["data_type"]:
            found.append(f"{name} is of another type")
        elif column["may_be_null"] != now["may_be_null"]:
            found.append(f"{name} may be null, or must not be, where it was otherwise")
    for name, column in new.columns.items():
        if name not in old.columns and column["table"] in old.tables and not column["may_be_left_out"]:
            found.append(f"{name} is not written by old code")
    return found


def _concerns(rule: asyncpg.Record, old: Schema) -> bool:
    """Whether it is about columns that old code writes, and no list of words that only has more of them."""
    if any(_is_wider(rule["rule"], known["rule"]) for known in old.rules.values() if _same(rule, known)):
        return False
    return any(f"{rule['table']}.{column}" in old.columns for column in rule["columns"])


def _same(rule: asyncpg.Record, known: asyncpg.Record) -> bool:
    return (rule["table"], rule["columns"]) == (known["table"], known["columns"])


def _is_wider(rule: str, known: str) -> bool:
    """Whether it allows what was allowed, and more: a list of words in quotes that holds the other's."""
    words, older = (set(re.findall(r"'[^']*'", text)) for text in (rule, known))
    frames = [re.sub(r"[^a-z]", "", re.sub(r"'[^']*'(::text)?", "", text)) for text in (rule, known)]
    return frames[0] == frames[1] and bool(older) and older < words


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[str]:
    """A database without tables."""
    with cluster.database(migrated=False) as dsn:
        yield dsn


async def test_what_was_there_stays_and_nothing_new_is_asked_of_old_code(empty: str) -> None:
    """No column is gone, renamed or of another type; no rule is new that old rows or writes may break."""
    engine = engine_for(empty)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()
    old = await schema(empty)

    await migrate(empty)

    assert problems(old, await schema(empty)) == []


async def test_what_old_code_would_stumble_over_is_found(dsn: str) -> None:
    """What a migration must not do, done."""
    old = await schema(dsn)
    db = await asyncpg.connect(dsn)
    for statement in (
        "drop column description",
        "alter column title type varchar(300)",
        "add column color text not null",
        "alter column priority drop not null",
        "add constraint short check (length(title) < 9)",
    ):
        await db.execute(f"alter table tasks {statement}")
    await db.close()

    assert sorted(problems(old, await schema(dsn))) == [
        "a new rule: tasks: CHECK ((length((title)::text) < 9))",
        "tasks.color is not written by old code",
        "tasks.description is gone",
        "tasks.priority may be null, or must not be, where it was otherwise",
        "tasks.title is of another type",
    ]


async def test_every_statement_of_the_release_is_taken_by_the_new_schema(
    dsn: str, subtests: pytest.Subtests
) -> None:
    """Also where the release itself is not at hand."""
    db = await asyncpg.connect(dsn)
    for name, statement in RELEASE.statements.items():
        with subtests.test(name):
            await db.prepare(statement)
    await db.close()
    assert len(RELEASE.statements) > 100


@pytest.fixture
def old_house(dsn: str, tmp_path: Path) -> Iterator[House]:
    """A server and a worker of the release, on the schema of this code."""
    archive = subprocess.run(["git", "archive", RELEASE.commit], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode != 0:
        pytest.skip(f"this clone does not hold {RELEASE.commit[:12]}: only its statements were tried")
    old = tmp_path / "release"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(old, filter="data")
    with ExitStack() as stack:
        house = House(dsn, tmp_path, stack, root=old)
        house.start_server()  # which leaves the bytecode of it for the other
        house.start_worker()
        yield house


async def test_the_code_of_the_release_works_on_the_new_schema(old_house: House) -> None:
    """Tasks, runs and streams; it finds itself ready, though the schema is ahead of it."""
    token = await asyncio.to_thread(old_house.token)
    async with old_house.http() as http:
        ada = Client(http, token)
        made = await ada.one(CREATE, input={"title": "Old", "idempotencyKey": "k"})
        started = await ada.one(START, input={"input": "Add a task to buy milk"})
        run = started["execution"]["id"]
        check(await frames(ada, run))
        ended = (await ada.one(AWAIT, id=run))["execution"]
        titles = [node["title"] for node in (await ada.one("{ tasks { nodes { title } } }"))["nodes"]]

    assert made["__typename"] == "CreateTaskSuccess"
    assert ended["status"] == "COMPLETED"
    assert sorted(titles) == ["Buy milk", "Old"]
