"""Two users, each with many operations under way: neither is ever told anything of the other's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.api import Api
from tests.hostile.operations import Operation, operations
from tests.hostile.people import Person
from tests.hostile.test_operations import assert_typed, settle

pytestmark = pytest.mark.anyio

AT_ONCE = 24


class Storm(list[Operation]):
    """Operations that are sent at once; told by their number, since their texts would fill pages."""

    def __repr__(self) -> str:
        return f"{len(self)} operations"


@examples(
    max_examples=8,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(storm=st.lists(operations(), min_size=AT_ONCE, max_size=AT_ONCE).map(Storm))
async def test_operations_of_two_users_all_at_once(api: Api, storm: Storm) -> None:
    """More than there are connections: they take turns on them, for one user and then the other."""
    ada, bob = await settle(api)
    people = [(ada, bob)[number % 2] for number in range(AT_ONCE)]

    await asyncio.gather(*(attempt(*one) for one in zip(people, storm, strict=True)))


async def attempt(person: Person, operation: Operation) -> None:
    sent, response = await person.send(operation)
    answer: dict[str, Any] = response.json()
    assert_typed(sent, response, answer)
    person.must_not_know(person.other, sent, response)
