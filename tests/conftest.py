"""What every test may ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from app import Server
from db.connection import Database
from engine.worker.crew import crew
from engine.worker.run import Crew
from engine.worker.worker import Worker
from resolvers.services import Services
from settings import Settings
from tests import postgres
from tests.api import Api
from tests.processes import SECRET, House, open_house

LONGEST_FIRST = (
    "hostile/test_storm.py",
    "hostile/test_operations.py",
    "simulation/test_histories.py",
    "clients/test_console.py",
    "launch/test_launcher.py",
    "bench/test_benches.py",
    "commands/test_running.py",
    "agent/test_commands.py",
    "acceptance/test_doors.py",
    "plans/test_documents.py",
    "edge/test_fuzz.py",
    "launch/test_image.py",
    "faults/test_streams.py",
    "test_commands.py",
    "clients/test_chat.py",
    "clients/test_graphiql.py",
)
"The files that take longest: begun first, so that at the end nobody waits for one of them alone."


def pytest_configure(config: pytest.Config) -> None:
    """Whoever begins the session keeps the folder; the processes of xdist inherit its name."""
    if not hasattr(config, "workerinput"):
        kept = ExitStack()
        kept.enter_context(postgres.in_memory())
        config.add_cleanup(kept.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is done by one process, in its own order (`--dist loadfile`)."""
    rank = {Path(__file__).parent / name: at for at, name in enumerate(LONGEST_FIRST)}
    assert all(path.exists() for path in rank)
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


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


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Settings of a process on this test's database."""
    return Settings(
        database_url=dsn,
        data_dir=tmp_path,
        jwt_secret=SECRET,
        lease_seconds=1,
        poll_seconds=0.5,
        drain_seconds=1,
        cost_per_minute=2_000_000_000,
        anonymous_cost_per_minute=2_000_000_000,
        sign_ins_per_minute=0,
    )


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    """The whole application in this process, on this test's database."""
    server = Server(settings)
    app = server.application()
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Api(server.services, http)


@pytest.fixture
async def worker(api: Api) -> AsyncIterator[Worker]:
    """A worker beside `api` that carries whatever is started."""
    async with working(api.services) as worker:
        yield worker


@asynccontextmanager
async def working(services: Services, hands: Crew | None = None) -> AsyncIterator[Worker]:
    """A worker at work, drained at the end."""
    worker = Worker(
        services.db, services.hub, services.settings, hands or crew(services.db, services.settings)
    )
    task = asyncio.create_task(worker.work())
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture(scope="session")
def house(cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two servers and two workers, as processes, on one database."""
    with (
        cluster.database() as dsn,
        open_house(
            dsn, tmp_path_factory.mktemp("house"), servers=2, workers=2, BATON_LEASE_SECONDS="2"
        ) as started,
    ):
        yield started
