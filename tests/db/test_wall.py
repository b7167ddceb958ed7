"""Row-level security: the second wall, behind every statement's own condition."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from db.connection import Database
from db.query import API_ROLE, Query
from db.tables import OWNED
from engine.commands.executions import NewExecution, start_execution
from engine.tasks import changes
from ids import new_id

pytestmark = pytest.mark.anyio

OWN = {"users": "id"} | dict.fromkeys(OWNED, "user_id")


@pytest.fixture
async def ada_and_bob(db: Database) -> tuple[object, object]:
    """Two users, and rows of the first in every table that has an owner."""
    ada, bob = new_id(), new_id()
    async with db.as_system() as session:
        for user, email in ((ada, "ada@example.com"), (bob, "bob@example.com")):
            await session.run(
                Query("insert into users (id, email) values (:id, :email)"), id=user, email=email
            )
    async with db.as_user(ada) as session:
        await changes.create_task(session, ada, {"title": "Buy milk"})
        run = await start_execution(session, ada, NewExecution("show my tasks"))
        await session.run(
            Query(
                """
                insert into steps (id, execution_id, user_id, number, kind, attempt, started_at, started_seq)
                values (:id, :run, :user, 1, 'THINKING', 1, now(), 1)
                """
            ),
            id=new_id(),
            run=run.id,
            user=ada,
        )
        await session.run(
            Query(
                """
                insert into idempotency_keys (user_id, mutation, key, fingerprint)
                values (:user, 'm', 'k', '')
                """
            ),
            user=ada,
        )
        for statement in _ROWS:
            await session.run(Query(statement), id=new_id(), other=new_id(), run=run.id, user=ada)
    return ada, bob


_ROWS = (
    "insert into tool_servers (id, user_id, name, url) values (:id, :user, 'tools', 'https://tools.example')",
    "insert into schedules (id, user_id, cron, input) values (:id, :user, '0 9 * * 1', 'show my tasks')",
    """
    insert into interrupts (id, user_id, execution_id, reason, prompt, opened_seq, expires_at)
    values (:id, :user, :run, 'QUESTION', 'Which?', 1, now())
    """,
    """
    with agent as (insert into agents (id, user_id, name) values (:id, :user, 'Ann') returning id)
    insert into agent_versions (id, agent_id, user_id, version, name)
    select :other, id, :user, 1, 'Ann' from agent
    """,
    """
    with talk as (insert into conversations (id, user_id) values (:id, :user) returning id)
    insert into messages (id, user_id, conversation_id, number, role, content)
    select :other, :user, id, 1, 'USER', 'Hello' from talk
    """,
    """
    with talk as (insert into conversations (id, user_id) values (:id, :user) returning id)
    insert into summaries (user_id, conversation_id, through, content) select :user, id, 1, 'Hello' from talk
    """,
)


@pytest.mark.parametrize("table", OWN)
async def test_a_statement_without_a_user_condition_returns_nothing_of_others(
    db: Database, ada_and_bob: tuple[object, object], table: str
) -> None:
    """Each owned table shows its rows to their owner alone."""
    ada, bob = ada_and_bob
    everything = Query(f"select {OWN[table]} as owner from {table}")

    async with db.as_user(ada) as session:
        mine = {row["owner"] for row in await session.all(everything)}
    async with db.as_user(bob) as session:
        others = {row["owner"] for row in await session.all(everything)}

    assert mine == {ada}
    assert others - {bob} == set()


@pytest.mark.parametrize("table", OWN)
async def test_a_read_in_one_trip_stands_before_the_same_wall(
    db: Database, ada_and_bob: tuple[object, object], table: str
) -> None:
    """Whatever users a connection served before, and also once Postgres has a plan that it keeps."""
    ada, bob = ada_and_bob
    everything = Query(f"select {OWN[table]} as owner from {table}")

    for _ in range(8):  # from the sixth time on a generic plan may be used
        assert {row["owner"] for row in await db.reading(ada).all(everything)} == {ada}
        assert {row["owner"] for row in await db.reading(bob).all(everything)} <= {bob}


async def test_a_connection_without_the_wall_reads_nothing(
    db: Database, ada_and_bob: tuple[object, object]
) -> None:
    """One that lost the API's role is an error, not a hole."""
    ada, _ = ada_and_bob
    async with db.connection() as driver:
        await driver.execute("reset role")

    with pytest.raises(asyncpg.PostgresError, match="not baton_api"):
        await db.reading(ada).all(Query("select id from tasks"))


async def test_the_user_is_known_before_the_first_row_is_looked_at(
    db: Database, ada_and_bob: tuple[object, object]
) -> None:
    """Postgres has no other plan: with every way of joining made dear in turn, the rows are there."""
    ada, _ = ada_and_bob
    joined = Query(
        "select t.id from tasks t join executions e on e.user_id = t.user_id join users u on u.id = t.user_id"
    )
    ways = ("nestloop", "hashjoin", "mergejoin", "seqscan", "indexscan", "bitmapscan", "material")
    for way in ways:
        async with db.connection() as driver:
            await driver.execute(f"set enable_{way} = off; set plan_cache_mode = force_generic_plan")
        assert len(await db.reading(ada).all(joined)) == 1, way


@pytest.mark.parametrize("table", OWNED)
async def test_without_a_user_there_are_no_rows(
    db: Database, dsn: str, ada_and_bob: tuple[object, object], table: str
) -> None:
    """The role alone sees nothing, on a fresh connection and on one that had a user before."""
    connection = await asyncpg.connect(dsn)
    for _ in range(2):
        async with connection.transaction():
            await connection.execute(f"set local role {API_ROLE}")
            assert await connection.fetch(f"select 1 from {table}") == []
        async with connection.transaction():
            await connection.execute("select set_config('baton.user_id', $1, true)", str(uuid4()))
    await connection.close()


async def test_nobody_writes_a_row_for_somebody_else(
    db: Database, ada_and_bob: tuple[object, object]
) -> None:
    """An insert or update that names another owner is refused."""
    ada, bob = ada_and_bob
    given = Query("insert into tasks (id, user_id, number, title) values (:id, :owner, 9, 'x')")
    moved = Query("update tasks set user_id = :owner")

    for statement, values in ((given, {"id": new_id(), "owner": ada}), (moved, {"owner": ada})):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, AssertionError)):
            async with db.as_user(bob) as session:
                assert await session.run(statement, **values) == 1, "touches no row"


async def test_passwords_and_refresh_tokens_are_out_of_reach(
    db: Database, ada_and_bob: tuple[object, object]
) -> None:
    """What only sign-in needs is not granted to the role of user transactions."""
    ada, _ = ada_and_bob
    for statement in ("select password_hash from users", "select 1 from refresh_tokens"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.as_user(ada) as session:
                await session.all(Query(statement))


async def test_every_table_with_an_owner_has_the_wall(db: Database) -> None:
    """A table with a column `user_id` has row-level security: a new one cannot forget it."""
    bare = Query(
        """
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
          and a.attname = 'user_id' and not c.relrowsecurity
        """
    )
    async with db.as_system() as session:
        assert [row["relname"] for row in await session.all(bare)] == []
