"""A real Postgres for tests: one cluster a session, one migrated template, one fresh database a test."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from db.embedded.postgres import EmbeddedPostgres
from db.migrate import migrate

ROOT = Path(__file__).parent.parent
_FOLDER = "TESTS_POSTGRES"
"The variable by which processes of one session know where its server lies."
_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


class Cluster:
    """A server on which databases can be made; each is cloned from a template that is migrated once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._template = f"baton_template_{uuid4().hex}"

    def dsn(self, database: str) -> str:
        return urlunsplit(urlsplit(self._dsn)._replace(path=f"/{database}"))

    def prepare(self) -> None:
        asyncio.run(self._command(f"create database {self._template}"))
        asyncio.run(migrate(self.dsn(self._template)))

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The address of a fresh database, dropped at the end whoever is still connected."""
        name = f"baton_test_{uuid4().hex}"
        template = self._template if migrated else "template1"
        asyncio.run(self._command(f"create database {name} template {template} strategy file_copy"))
        try:
            yield self.dsn(name)
        finally:
            asyncio.run(self._command(f"drop database {name} with (force)"))

    def remove(self) -> None:
        asyncio.run(self._command(f"drop database {self._template} with (force)"))

    async def _command(self, statement: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def in_memory() -> Iterator[None]:
    """Servers of this session lie in memory where there is room.

    A database is 500 files, and most tests have one of their own: to make and delete them on a disk took
    three quarters of Postgres' processor time.
    """
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM:
        yield
        return
    _sweep()
    folder = _MEMORY / f"baton-test-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o755)  # root lends its Postgres to another user, who must get in
    os.environ[_FOLDER] = str(folder)
    try:
        yield
    finally:
        del os.environ[_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove what sessions that were killed have left."""
    for folder in _MEMORY.glob("baton-test-*"):
        if not Path("/proc", folder.name.rpartition("-")[2]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def memory() -> Path | None:
    """The folder for this session's servers, where they lie in memory."""
    return Path(os.environ[_FOLDER]) if _FOLDER in os.environ else None


@contextmanager
def cluster() -> Iterator[Cluster]:
    """The operator's server where `DATABASE_URL` names one, else the embedded one."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield from _prepared(Cluster(given))
        return
    with EmbeddedPostgres(memory() or ROOT / ".baton" / "test") as postgres:
        yield from _prepared(Cluster(postgres.url()))


def _prepared(cluster: Cluster) -> Iterator[Cluster]:
    cluster.prepare()
    try:
        yield cluster
    finally:
        cluster.remove()
