"""What every test may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from db.connection import Database
from tests import postgres


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """One Postgres server for the session."""
    with postgres.cluster() as cluster:
        yield cluster


@pytest.fixture
def dsn(cluster: postgres.Cluster) -> Iterator[str]:
    """The address of a database of this test's own, migrated and empty."""
    with cluster.database() as dsn:
        yield dsn


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Database]:
    """An open pool on this test's database."""
    database = Database(dsn, size=5, name="test")
    await database.open()
    yield database
    await database.close()
