"""Brings a database to the newest migration, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

_ROOT = Path(__file__).parent.parent
_LOCK = "select pg_advisory_xact_lock(4711)"
_OLDEST = 150_000


class TooOld(Exception):
    """Baton needs Postgres 15 or newer."""


async def migrate(dsn: str) -> None:
    """Apply what is missing, in one transaction under an advisory lock. Raises TooOld."""
    engine = engine_for(dsn)
    try:
        async with engine.begin() as connection:
            version = (await connection.execute(text("show server_version_num"))).scalar_one()
            if int(version) < _OLDEST:
                raise TooOld(f"{TooOld.__doc__} This is {version}.")
            await connection.execute(text(_LOCK))
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def engine_for(dsn: str) -> AsyncEngine:
    """SQLAlchemy's engine, for migrations only: requests use `db.connection`."""
    return create_async_engine(make_url(dsn).set(drivername="postgresql+asyncpg"), poolclass=NullPool)


def newest() -> str:
    """The revision that this code was written for."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    if head is None:
        raise LookupError("no migrations")
    return head


def config() -> Config:
    """Alembic's configuration, found beside this code wherever we were started from."""
    return Config(toml_file=str(_ROOT / "pyproject.toml"))


def _upgrade(connection: Connection) -> None:
    if MigrationContext.configure(connection).get_current_revision() == newest():
        return
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
