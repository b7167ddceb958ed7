"""Tables, rows and migrations say the same."""

from __future__ import annotations

import inspect
from importlib import import_module
from pkgutil import iter_modules

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import db as db_room
from db.connection import Database
from db.migrate import engine_for, migrate, newest
from db.query import Query
from db.tables import Base
from errors import Unavailable

pytestmark = pytest.mark.anyio

MODULES = [import_module(f"db.{found.name}") for found in iter_modules(db_room.__path__)]
STATEMENTS = [
    (f"{module.__name__}.{name}", value)
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Query)
]


async def test_migrations_make_the_tables_of_the_code(dsn: str) -> None:
    """Nothing is in `db.tables` that a migration forgot, and nothing the other way round."""

    def differences(connection: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)

    engine = engine_for(dsn)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()

    assert found == []


async def test_migrating_twice_changes_nothing(dsn: str) -> None:
    """Every process may do it at its start."""
    await migrate(dsn)

    engine = engine_for(dsn)
    async with engine.connect() as connection:
        (version,) = (await connection.exec_driver_sql("select version_num from alembic_version")).one()
    await engine.dispose()
    assert version == newest()


async def test_every_statement_is_one_that_postgres_takes_and_returns_its_row(
    dsn: str, subtests: pytest.Subtests
) -> None:
    """Its columns are those that its row class names."""
    connection = await asyncpg.connect(dsn)
    for name, statement in STATEMENTS:
        with subtests.test(name):
            prepared = await connection.prepare(statement.sql)
            columns = {attribute.name for attribute in prepared.get_attributes()}
            assert set(statement.row.columns()) <= columns
            if statement.sql.lstrip().lower().startswith("select") and " for " not in statement.sql:
                await connection.prepare(statement.as_user)
                types = [parameter.name for parameter in prepared.get_parameters()]
                single = tuple(n for n, type_ in enumerate(types) if not type_.endswith("[]"))
                if single:
                    await connection.prepare(statement.together(single, types))
                    await connection.prepare(statement.together_as_system(single, types))
    await connection.close()


async def test_a_statement_without_a_value_for_a_parameter_is_refused(db: Database) -> None:
    """Nothing is bound to null by accident."""
    with pytest.raises(KeyError):
        async with db.as_system() as session:
            await session.all(Query("select cast(:forgotten as text) as x"))


async def test_a_block_that_fails_leaves_nothing_and_hints_nobody(db: Database) -> None:
    """Rolled back, and its hints are not sent."""
    sent: list[object] = []
    db.on_commit = sent.append

    async def fail() -> None:
        async with db.as_system() as session:
            await session.run(Query("insert into users (id) values (gen_random_uuid())"))
            session.hint("topic", 1)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    async with db.as_system() as session:
        assert await session.all(Query("select 1 as one from users")) == []
    assert sent == []


async def test_hints_follow_the_commit_with_the_newest_seq(db: Database) -> None:
    """One hint for each topic."""
    sent: list[object] = []
    db.on_commit = sent.append

    async with db.as_system() as session:
        session.hint("topic", 1)
        session.hint("topic", 3)
        session.hint("topic", 2)
        assert sent == []

    assert sent == [{"topic": 3}]


async def test_a_database_that_is_away_is_unavailable() -> None:
    """At start and for every transaction, with the typed error."""
    away = Database("postgresql://nobody@127.0.0.1:1/none", size=1, name="test", acquire_seconds=1)

    with pytest.raises(Unavailable):
        await away.open()
    with pytest.raises(Unavailable):
        async with away.as_system():
            pass


async def test_a_lost_connection_is_unavailable_once_and_then_replaced(db: Database) -> None:
    """The transaction that had it fails with the typed error; the next one works."""
    kill = Query("select pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Unavailable):
        async with db.as_system() as session:
            await session.all(kill)

    async with db.as_system() as session:
        assert (await session.one(Query("select 1 as one")))["one"] == 1


def test_every_statement_that_locks_says_what() -> None:
    """`for update`, and updates of rows that others wait for, have a sentence above them."""
    for module in MODULES:
        lines = inspect.getsource(module).splitlines()
        starts = [n for n, line in enumerate(lines) if line.endswith("= Query(")]
        for start in starts:
            body = "\n".join(lines[start : start + 20]).partition("\n)")[0]
            if "for update" in body or "for no key update" in body:
                assert lines[start - 1].startswith("#"), f"{module.__name__}: {lines[start]}"
