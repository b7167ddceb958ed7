"""How many statements a document costs: as many for a hundred objects as for two, by plan and without."""

from __future__ import annotations

from collections import Counter

import pytest

from db.connection import Database
from db.query import Query
from engine.commands.executions import NewExecution, start_execution
from engine.tasks.changes import create_task
from tests.api import Api, User
from tests.counting import counted
from tests.plans.roads import Road, Roads

pytestmark = pytest.mark.anyio

_RUN = "id status queuePosition task { number } parent { id } children { id } interrupts { id } agent { id }"
_EVENTS = "events(first: 3) { nodes { seq } pageInfo { hasNextPage } }"
_STEPS = "steps(first: 2) { totalCount nodes { id number } pageInfo { hasNextPage } }"

_STEP_ALL = Query("""
    insert into steps (id, execution_id, user_id, number, kind, attempt, started_at, started_seq)
    select gen_random_uuid(), id, user_id, number, 'THINKING', 1, now(), 1
    from executions, generate_series(1, 3) as number where user_id = :user
    on conflict do nothing
""")
_TALK = Query("""
    insert into conversations (id, user_id, last_message_number)
    select gen_random_uuid(), :user, 3 from generate_series(1, cast(:count as int))
""")
_SAY = Query("""
    insert into messages (id, user_id, conversation_id, number, role, content)
    select gen_random_uuid(), user_id, id, number, 'USER', 'Hello'
    from conversations, generate_series(1, 3) as number where user_id = :user
    on conflict do nothing
""")

DOCUMENTS = {
    "{ tasks { nodes { title } totalCount } }": 2,
    "{ tasks { nodes { executions { nodes { id } } } } }": 2,
    "{ tasks { nodes { executions { totalCount nodes { id } pageInfo { endCursor } } } } }": 3,
    f"{{ tasks(first: 10) {{ nodes {{ executions(first: 5) {{ nodes {{ {_RUN} {_STEPS} }} }} }} }} }}": 9,
    f"{{ executions(first: 20) {{ nodes {{ {_RUN} {_STEPS} {_EVENTS} }} }} }}": 9,
    "{ executions(first: 50) { nodes { task { executions(first: 1) { nodes { task { title } } } } } } }": 4,
    "{ tasks { nodes { a: executions { totalCount } b: executions(first: 2) { totalCount } } } }": 4,
    "{ conversations { nodes { messages { totalCount nodes { id } } executions { nodes { id } } } } }": 4,
}
"With the statements they may cost at most."


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("way", ["planned", "plain"])
async def test_statements_are_flat_in_the_number_of_rows(
    api: Api, roads: Roads, document: str, way: str
) -> None:
    """Lists within lists are read together, page by page and counted."""
    road: Road = getattr(roads, way)
    user = await api.user()
    await have(api.services.db, user, 2)
    few = await statements_of(road, user, document)
    await have(api.services.db, user, 18)

    many = await statements_of(road, user, document)

    assert many == few
    assert sum(many.values()) <= DOCUMENTS[document], "\n\n".join(many)


async def test_a_nested_page_is_the_page_of_its_own_parent(api: Api, roads: Roads) -> None:
    """The same as asked one by one: rows, order, cursors, counts and whether there is more."""
    user = await api.user()
    await have(api.services.db, user, 3)
    page = "totalCount nodes { id } pageInfo { hasNextPage endCursor }"
    document = f"{{ tasks {{ nodes {{ number executions(first: 2) {{ {page} }} }} }} }}"
    together = (await user.one(document))["nodes"]

    assert len(together) == 3
    for task in together:
        alone = f"query ($n: Int!) {{ task(by: {{number: $n}}) {{ executions(first: 2) {{ {page} }} }} }}"
        assert (await user.one(alone, n=task["number"]))["executions"] == task["executions"]
        assert task["executions"]["pageInfo"]["hasNextPage"]
    await roads.agree(user.id, document)


async def have(db: Database, user: User, count: int) -> None:
    """So many tasks with three runs each, and conversations."""
    async with db.as_user(user.id) as session:
        for _ in range(count):
            task = await create_task(session, user.id, {"title": "Buy milk"})
            for _ in range(3):
                await start_execution(session, user.id, NewExecution("show my tasks", task_id=task.id))
        await session.run(_STEP_ALL, user=user.id)
        await session.run(_TALK, user=user.id, count=count)
        await session.run(_SAY, user=user.id)


async def statements_of(road: Road, user: User, document: str) -> Counter[str]:
    """What the answer costs once everything that is asked once has been asked."""
    await road.answer(user.id, document)
    with counted() as found:
        answer = await road.answer(user.id, document)
    assert b'"errors"' not in answer, answer
    return found
