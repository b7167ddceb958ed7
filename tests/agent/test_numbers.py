"""A task is found by its number, whatever the number and however many tasks there are."""

from __future__ import annotations

import asyncpg
import pytest

from tests.api import Api

pytestmark = pytest.mark.anyio

ASK = """
mutation ($message: String!) {
  askTaskAgent(input: {message: $message}) {
    __typename
    ... on TaskAgentAnswer { outcome tasks { number } }
  }
}"""
NEWER = """
insert into tasks (id, user_id, number, title)
select gen_random_uuid(), $1, number, 'One of many' from generate_series(2, 2500) as number
"""


@pytest.mark.parametrize("number", ["2", "2147483647", "2147483648", "99999999999999999999"])
async def test_a_number_that_no_task_has_is_not_found(api: Api, number: str) -> None:
    """Also one that is larger than any task could have."""
    ada = await api.user()
    await ada.create("Buy milk")

    answer = await ada.one(ASK, message=f"Complete task {number}")

    assert (answer["__typename"], answer["outcome"]) == ("TaskAgentAnswer", "TASK_NOT_FOUND")


async def test_an_old_task_is_found_behind_thousands_of_newer_ones(api: Api, dsn: str) -> None:
    """Titles are compared with the newest tasks only, numbers are looked up."""
    ada = await api.user()
    await ada.create("Buy milk")
    connection = await asyncpg.connect(dsn)
    await connection.execute(NEWER, ada.id)
    await connection.close()

    answer = await ada.one(ASK, message="Complete task 1")

    assert answer == {"__typename": "TaskAgentAnswer", "outcome": "DONE", "tasks": [{"number": 1}]}
