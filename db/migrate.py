"""Brings a database to the newest migration, one process at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from db.query import Query, Row
from db.session import Session
from errors import BatonError, Unavailable

_ROOT = Path(__file__).parent.parent
_LOCK = "select pg_advisory_xact_lock(4711)"
_OLDEST = 150_000
_RIGHTS = "To migrate, the user of DATABASE_URL must own the tables and have CREATEROLE"


class VersionRow(Row):
    """The migration that the database stands at."""

    version_num: str


_VERSION = Query("select version_num from alembic_version", VersionRow)
_TABLE = Query("select to_regclass('alembic_version') is not null as is_there")


class CannotMigrate(BatonError):
    """The database cannot be migrated."""

    code = "CANNOT_MIGRATE"


async def migrate(dsn: str) -> None:
    """Apply what is missing, in one transaction under an advisory lock. Raises CannotMigrate, Unavailable."""
    engine = engine_for(dsn)
    try:
        with _told_plainly():
            async with engine.begin() as connection:
                version = (await connection.execute(text("show server_version_num"))).scalar_one()
                if int(version) < _OLDEST:
                    raise CannotMigrate(f"Baton needs Postgres 15 or newer. This is {version}.")
                await connection.execute(text(_LOCK))
                await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def standing(session: Session) -> str | None:
    """The revision that the database stands at; None before the first."""
    if not (await session.one(_TABLE))["is_there"]:
        return None
    row = await session.first(_VERSION)
    return None if row is None else row.version_num


def is_behind(revision: str | None) -> bool:
    """Whether this code needs a later one. One that it does not know is of newer code, and will do."""
    return revision is None or revision in _older()


def engine_for(dsn: str) -> AsyncEngine:
    """SQLAlchemy's engine, for migrations only: requests use `db.connection`."""

    # The driver reads the address itself: SQLAlchemy knows no `sslmode`, which most operators' have.
    async def connect() -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(dsn)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


@cache
def newest() -> str:
    """The revision that this code was written for."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    if head is None:
        raise LookupError("no migrations")
    return head


@cache
def _older() -> frozenset[str]:
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    return frozenset(script.revision for script in scripts) - {newest()}


def config() -> Config:
    """Alembic's configuration, found beside this code wherever we were started from."""
    return Config(toml_file=str(_ROOT / "pyproject.toml"))


def _upgrade(connection: Connection) -> None:
    if not is_behind(MigrationContext.configure(connection).get_current_revision()):
        return
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


@contextmanager
def _told_plainly() -> Generator[None]:
    """What an operator can mend, in a sentence: an address, a password, a right."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The database cannot be reached: {error}") from error
    except DBAPIError as error:
        told = _plain(str(getattr(error.orig, "sqlstate", "")), _words(error))
        if told is None:
            raise
        raise told from error


def _plain(state: str, words: str) -> BatonError | None:
    if state.startswith("08") or state == "57P03":
        return Unavailable(f"The database cannot be reached: {words}")
    if state.startswith("28") or state == "3D000":
        return CannotMigrate(f"The database does not let us in: {words}")
    if state == "42501":
        return CannotMigrate(f"{_RIGHTS}: {words}")
    return None


def _words(error: DBAPIError) -> str:
    """Postgres's own, without the names of classes that the library puts before them."""
    return (str(error.orig).splitlines() or [""])[0].rpartition("'>: ")[2]
