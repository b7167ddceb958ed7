"""A house in which nothing moves, and both ways to ask it."""

from __future__ import annotations

import pytest

from tests.api import Api
from tests.hostile.people import Person
from tests.plans.meaning import settled
from tests.plans.roads import Roads


@pytest.fixture
async def people(api: Api) -> tuple[Person, Person]:
    return await settled(api)


@pytest.fixture
def roads(api: Api) -> Roads:
    return Roads(api.services)
