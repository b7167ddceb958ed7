"""Operations that would be answered, more often than not, and somebody to ask them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from graphql import GraphQLNonNull
from hypothesis import strategies as st

from tests.api import Api
from tests.conftest import working
from tests.hostile.operations import Writer
from tests.hostile.people import Person, two_people
from tests.hostile.test_operations import STOCK, have_a_past, have_a_present


class Meant(Writer):
    """Writes values that are meant well, most of the time."""

    def value(self, type_: Any, name: str) -> Any:
        if isinstance(type_, GraphQLNonNull) or not self._draw(st.integers(0, 3)):
            return super().value(type_, name)
        return None

    def _scalar(self, type_: str, name: str) -> st.SearchStrategy[Any]:
        if type_ == "ID":
            return st.builds(f"@@mine {self._likely} {{}}@@".format, st.integers(0, 3))
        return st.sampled_from((1, 2, 3, 50)) if type_ == "Int" else super()._scalar(type_, name)


async def settled(api: Api) -> tuple[Person, Person]:
    """Two with the same tasks, and the same runs, over and waiting; nothing moves any more."""
    ada, bob = people = await two_people(api, uuid4().hex)
    async with working(api.services):
        for person in people:
            await have_a_past(person)
    for person in people:
        await have_a_present(person)
        person.remember(await person.user.ask(STOCK))
    return ada, bob
