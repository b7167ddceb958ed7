"""The second wall alone, on every table that has an owner: statements that name no user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from sqlalchemy import CheckConstraint, Column, Table

from db.connection import Database
from db.query import API_ROLE, Query
from db.tables import Base
from ids import new_id

pytestmark = pytest.mark.anyio

TABLES = [table for table in Base.metadata.sorted_tables if "user_id" in table.columns]
KEPT_FROM_USERS = {"refresh_tokens"}
"Only sign-in reads these: no user transaction sees a row."
FOREIGN_KEYS = """
select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop
from pg_constraint where contype = 'f'
"""


def row(table: Table, owner: UUID) -> dict[str, Any]:
    """One that the table takes: what must be there, by type, and by the words that a check allows."""
    values = {
        column.name: _value(table, column)
        for column in table.columns
        if not column.nullable and column.server_default is None
    }
    return {**values, "user_id": owner}


def _value(table: Table, column: Column[Any]) -> Any:
    allowed = [word for text in _checks(table) for word in _words(text, column.name)]
    if allowed:
        return allowed[0]
    kinds = {
        str: new_id().hex,
        int: 1,
        float: 1.0,
        bool: True,
        bytes: new_id().bytes,
        datetime: datetime.now(UTC),
        list: [],
    }
    kind = column.type.python_type
    return new_id() if kind is UUID else kinds.get(kind, "{}")


def _checks(table: Table) -> Iterator[str]:
    return (str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint))


def _words(check: str, column: str) -> list[str]:
    found = re.match(rf"\(?{column} in \((.*?)\)", check)
    return re.findall(r"'(\w+)'", found.group(1)) if found else []


@pytest.fixture
async def owners(db: Database, dsn: str) -> tuple[UUID, UUID]:
    """Two users, and a row of each in every table that has an owner, whatever it refers to."""
    ada, bob = new_id(), new_id()
    connection = await asyncpg.connect(dsn)
    for key in await connection.fetch(FOREIGN_KEYS):
        await connection.execute(key["drop"])
    for owner in (ada, bob):
        await connection.execute("insert into users (id) values ($1)", owner)
        for table in TABLES:
            values = row(table, owner)
            marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
            await connection.execute(
                f"insert into {table.name} ({', '.join(values)}) values ({marks})", *values.values()
            )
    await connection.close()
    return ada, bob


@pytest.mark.parametrize("table", [table.name for table in TABLES])
async def test_the_wall_alone_keeps_users_apart(db: Database, owners: tuple[UUID, UUID], table: str) -> None:
    """Read, changed and deleted without a word of whose: only the user's own rows are touched."""
    ada, bob = owners
    if table in KEPT_FROM_USERS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.as_user(bob) as session:
                await session.all(Query(f"select * from {table}"))
        return
    async with db.as_user(bob) as session:
        seen = await session.all(Query(f"select user_id from {table}"))
    assert [one["user_id"] for one in seen] == [bob]
    for statement in (f"update {table} set user_id = user_id", f"delete from {table}"):
        try:
            async with db.as_user(bob) as session:
                assert await session.run(Query(statement)) == 1
        except asyncpg.InsufficientPrivilegeError:
            continue  # not to be done by users at all
    async with db.as_system() as session:
        left = await session.all(Query(f"select user_id from {table}"))
    assert ada in {one["user_id"] for one in left}


@pytest.mark.parametrize("table", [table.name for table in TABLES])
async def test_nobody_writes_for_somebody_else(
    db: Database, dsn: str, owners: tuple[UUID, UUID], table: str
) -> None:
    """Neither a new row of another's, nor one of one's own given away."""
    ada, bob = owners
    content = row(Base.metadata.tables[table], ada)
    columns = ", ".join(content)
    given = f"insert into {table} ({columns}) select {columns} from json_populate_record(null::{table}, :row)"
    for statement, values in (
        (given, {"row": orjson.dumps(content, default=_plain).decode()}),
        (f"update {table} set user_id = '{ada}'", {}),
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UniqueViolationError)):
            async with db.as_user(bob) as session:
                await session.run(Query(statement), **values)


@pytest.mark.parametrize("table", [table.name for table in TABLES])
async def test_without_a_user_there_is_nothing(dsn: str, owners: tuple[UUID, UUID], table: str) -> None:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        await connection.execute(f"set local role {API_ROLE}")
        if table in KEPT_FROM_USERS:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"select 1 from {table}")
        else:
            assert await connection.fetch(f"select 1 from {table}") == []
    await connection.close()


async def test_every_other_table_is_shut_to_users(db: Database, dsn: str) -> None:
    """Budgets, registered documents, migrations: what is nobody's row is no user transaction's to read."""
    ada = new_id()
    others = {name for name in Base.metadata.tables if "user_id" not in Base.metadata.tables[name].columns}
    for table in others - {"users"}:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.as_user(ada) as session:
                await session.all(Query(f"select 1 from {table}"))


def _plain(value: Any) -> Any:
    return str(value) if not isinstance(value, bytes) else "\\x" + value.hex()
