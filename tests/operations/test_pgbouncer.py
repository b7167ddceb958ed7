"""All but LISTEN and migrations goes through PgBouncer, which lends its few connections by transaction."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import ValidationError

from db.home import database
from settings import Settings
from tests.api import AWAIT, CREATE, START
from tests.client import Client
from tests.operations.bouncer import PROGRAM, bouncer
from tests.processes import House, open_house

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason="no pgbouncer on this machine"),
]

WATCH = """
subscription ($id: ID!) {
  executionStream(id: $id) { __typename ... on EventBatch { events { seq } } ... on StreamClosed { reason } }
}"""
CONNECTIONS = 3


@pytest.fixture
def pooled(dsn: str, tmp_path: Path) -> Iterator[House]:
    """Two servers and a worker whose pools are larger than what PgBouncer has."""
    with (
        bouncer(dsn, connections=CONNECTIONS) as address,
        open_house(address, tmp_path, 2, 1, BATON_DIRECT_URL=dsn, BATON_POOL_SIZE="8") as house,
    ):
        house.dsn = dsn  # for tokens
        yield house


async def test_users_share_connections_that_are_lent_by_transaction(pooled: House, dsn: str) -> None:
    """Mutations, reads, runs and streams of four users, over both servers: to each what is theirs."""
    people = [f"user{n}@example.com" for n in range(4)]
    tokens = [await asyncio.to_thread(pooled.token, one) for one in people]
    async with pooled.http(0) as first, pooled.http(1) as second:
        clients = [Client((first, second)[n % 2], token) for n, token in enumerate(tokens)]

        await asyncio.gather(*(_live(client, name) for client, name in zip(clients, people, strict=True)))

    postgres = await asyncpg.connect(dsn)
    names = await postgres.fetch(
        "select application_name as name, count(*) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() group by name"
    )
    await postgres.close()
    found = {row["name"]: row["count"] for row in names}
    assert found.pop("baton api listen") == found.pop("baton api notify") == 2
    assert found.pop("baton worker listen") == found.pop("baton worker notify") == 1
    assert 1 <= sum(found.values()) <= CONNECTIONS


async def _live(client: Client, name: str) -> None:
    """Ten tasks of a user's, seen by nobody else, and three runs that are watched to their end."""
    made = await asyncio.gather(*(client.one(CREATE, input={"title": f"{n} of {name}"}) for n in range(10)))
    assert [one["__typename"] for one in made] == ["CreateTaskSuccess"] * 10
    runs = await asyncio.gather(*(_run(client) for _ in range(3)))
    assert runs == ["COMPLETED"] * 3
    for _ in range(5):
        tasks = await client.one("{ tasks(first: 100) { totalCount nodes { title } } }")
        titles = [node["title"] for node in tasks["nodes"]]
        assert tasks["totalCount"] == 13
        assert all(title.endswith(name) or title == "Buy milk" for title in titles)


async def _run(client: Client) -> str:
    started = await client.one(START, input={"input": "Add a task to buy milk"})
    run = started["execution"]["id"]
    async with client.stream(WATCH, id=run) as stream:
        frames = await stream.frames()
    seqs = [event["seq"] for frame in frames for event in frame.get("events", ())]
    assert seqs == list(range(1, len(seqs) + 1))
    assert frames[-1] == {"__typename": "StreamClosed", "reason": "TERMINAL"}
    return (await client.one(AWAIT, id=run))["execution"]["status"]


def test_a_way_past_a_pooler_needs_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody would see that hints go to one database and rows to another."""
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(ValidationError, match="for a pooler that DATABASE_URL names"):
        Settings(direct_url="postgresql://a@b/c")


async def test_migrations_go_past_it(dsn: str) -> None:
    """They need a connection of their own, as long as they take."""
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", direct_url=dsn)
    async with database(settings, migrated=True) as address:
        assert address == settings.database_url
