"""Two users send whatever the schema lets them: nothing breaks, is lost, or is told to the wrong one."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from db.query import Query
from tests.api import Api
from tests.conftest import working
from tests.hostile.operations import OUTCOMES, SCHEMA, Operation, operations
from tests.hostile.people import EVERYTHING, Person, Walk, two_people

pytestmark = pytest.mark.anyio

ROUNDS = 16
STOCK = """{
  viewer { id }
  tasks { edges { cursor node { id } } }
  conversations(first: 10) { edges { cursor node { id cursor messages { edges { cursor node { id } } } } } }
  agents { edges { cursor node { id } } }
  schedules { edges { cursor node { id } } }
  executions(first: 20) {
    edges { cursor node { id cursor steps { edges { cursor node { id } } } events { edges { cursor } } } }
  }
}"""


walks = st.builds(
    Walk,
    st.sampled_from(("CREATED_AT", "UPDATED_AT", "DUE_AT", "PRIORITY", "TITLE")),
    st.sampled_from(("ASC", "DESC")),
    st.integers(1, 3),
    st.booleans(),
)


def test_every_mutation_is_accounted_for() -> None:
    """A new mutation has to say how its effect is read from its answer."""
    assert SCHEMA.mutation_type is not None
    assert set(OUTCOMES) | {"signOut"} == set(SCHEMA.mutation_type.fields)


@settings(
    max_examples=45,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],  # a case that failed says enough, and shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rounds=st.lists(st.tuples(operations(), operations()), min_size=ROUNDS, max_size=ROUNDS), walk=walks)
async def test_no_operation_breaks_loses_or_tells(
    api: Api, rounds: list[tuple[Operation, Operation]], walk: Walk
) -> None:
    """Operations of two users, side by side, on a database of their own."""
    ada, bob = await settle(api)

    for ours, theirs in rounds:
        await asyncio.gather(attempt(ada, ours), attempt(bob, theirs))

    for person in (ada, bob):
        await person.check_the_books()
        await person.check_the_pages(walk)


async def settle(api: Api) -> tuple[Person, Person]:
    """An empty house, and two users who each have a task, a run that is over and one that waits."""
    async with api.services.db.as_system() as session:
        await session.run(Query("delete from events"))
        await session.run(Query("delete from users"))
    ada, bob = people = await two_people(api, uuid4().hex)
    async with working(api.services):
        await asyncio.gather(*map(have_a_past, people))
    await asyncio.gather(*map(have_a_present, people))
    return ada, bob


async def have_a_past(person: Person) -> None:
    run = await person.user.start(f"Add a task to call {person.marker} by Friday, then show my tasks")
    await person.user.finished(run["execution"]["id"])


async def have_a_present(person: Person) -> None:
    task = await person.user.create(f"{person.marker} milk", dueAt="2026-03-04T10:00:00Z")
    await person.user.start(f"Add a task {person.marker}", taskId=task["id"], metadata={"a": person.marker})
    await person.user.agent(f"{person.marker} clerk")
    await person.user.schedule("0 9 * * 1", f"Add a task {person.marker}")
    await person.user.conversation(title=person.marker, systemPrompt=person.marker)
    found = await person.user.ask(EVERYTHING)
    person.tasks.made |= {node["id"] for node in found["tasks"]["nodes"]}
    person.runs.made |= {node["id"] for node in found["executions"]["nodes"]}
    person.remember(await person.user.ask(STOCK))


async def attempt(person: Person, operation: Operation) -> None:
    """Send it, and hold the answer to the promises."""
    sent, response = await person.send(operation)
    answer: dict[str, Any] = response.json()
    assert_typed(sent, response, answer)
    person.must_not_know(person.other, sent, response)
    person.book(operation, answer.get("data"), was_carried_out="data" in answer)
    person.remember(answer.get("data"))


def assert_typed(sent: str, response: httpx2.Response, answer: dict[str, Any]) -> None:
    told = f"{response.text}\n\nwas the answer to\n\n{sent}"
    assert response.status_code < 500, told
    assert "errors" in answer or response.status_code == 200, told
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] not in {"INTERNAL", "TIMEOUT", "UNAVAILABLE", "ERROR"}, told
