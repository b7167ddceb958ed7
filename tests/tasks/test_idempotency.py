"""The same request again: one effect, the same answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.connection import Database
from db.query import Query
from resolvers import idempotency
from tests.api import CREATE, START, Api
from tests.tasks.test_tasks import DELETE, UPDATE

pytestmark = pytest.mark.anyio


async def test_a_repeated_request_is_answered_again_and_does_nothing(api: Api) -> None:
    """The key stands for the rows: the answer is rebuilt from them as they are today."""
    ada = await api.user()
    given = {"title": "Buy milk", "idempotencyKey": "k"}
    first = await ada.one(CREATE, input=given)
    await ada.one(UPDATE, input={"id": first["task"]["id"], "title": "Buy oat milk"})

    again = await ada.one(CREATE, input=given)

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["task"] == {**first["task"], "title": "Buy oat milk", "version": 2}


async def test_a_hundred_requests_at_once_with_one_key_do_the_effect_once(api: Api) -> None:
    """Twins wait for the first, and read what it committed."""
    ada = await api.user()
    given = {"title": "Buy milk", "idempotencyKey": "storm"}

    answers = await asyncio.gather(*(ada.one(CREATE, input=given) for _ in range(100)))

    assert {answer["__typename"] for answer in answers} == {"CreateTaskSuccess"}
    assert len({answer["task"]["id"] for answer in answers}) == 1
    assert sorted(answer["replayed"] for answer in answers) == [False] + [True] * 99
    assert await ada.one("{ tasks { totalCount } }") == {"totalCount": 1}


@pytest.mark.parametrize("changed", [{"title": "other"}, {"title": "Buy milk", "priority": "HIGH"}])
async def test_the_key_with_another_input_is_a_conflict(api: Api, changed: dict[str, str]) -> None:
    """Nothing is done, and the first request stands."""
    ada = await api.user()
    await ada.one(CREATE, input={"title": "Buy milk", "idempotencyKey": "k"})

    answer = await ada.one(CREATE, input={**changed, "idempotencyKey": "k"})

    assert (answer["__typename"], answer["path"]) == ("IdempotencyConflict", ["input", "idempotencyKey"])
    assert await ada.one("{ tasks { totalCount } }") == {"totalCount": 1}


async def test_the_header_does_the_same_for_a_single_mutation(api: Api) -> None:
    """`Idempotency-Key` stands in for a key that the input does not give."""
    ada = await api.user()
    header = {"idempotency-key": "from-the-header"}

    answers = [await ada.one(CREATE, header, input={"title": "Buy milk"}) for _ in range(2)]

    assert [answer["replayed"] for answer in answers] == [False, True]


async def test_a_failed_request_does_not_use_up_its_key(api: Api) -> None:
    """Validation failures are not recorded."""
    ada = await api.user()
    await ada.one(CREATE, input={"title": "", "idempotencyKey": "k"})

    answer = await ada.one(CREATE, input={"title": "Buy milk", "idempotencyKey": "k"})

    assert answer["replayed"] is False


async def test_a_key_belongs_to_its_user_and_its_mutation(api: Api) -> None:
    """The same key in other hands, or for something else, is another key."""
    ada, bob = await api.user(), await api.user("bob@example.com")
    task = {"title": "Buy milk", "idempotencyKey": "k"}

    answers: list[Any] = [
        await ada.one(CREATE, input=task),
        await bob.one(CREATE, input=task),
        await ada.one(START, input={"input": "show my tasks", "idempotencyKey": "k"}),
    ]

    assert [answer["replayed"] for answer in answers] == [False, False, False]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "\u200b"])
async def test_a_key_has_1_to_255_visible_characters(api: Api, key: str) -> None:
    """Anything else is told as a problem of the input."""
    ada = await api.user()

    answer = await ada.one(CREATE, input={"title": "x", "idempotencyKey": key})

    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "idempotencyKey"])


async def test_a_repeated_deletion_is_told_what_the_first_was_told(api: Api) -> None:
    """Also when the task was gone by then."""
    ada = await api.user()
    given = {"id": (await ada.create())["id"], "idempotencyKey": "k"}

    answers = [await ada.one(DELETE, input=given) for _ in range(2)]

    assert [answer["deleted"] for answer in answers] == [True, True]


async def test_a_replay_outlives_the_deletion_of_its_task(api: Api) -> None:
    """The answer is the task as it last stood."""
    ada = await api.user()
    given = {"title": "Buy milk", "idempotencyKey": "k"}
    first = await ada.one(CREATE, input=given)
    await ada.one(DELETE, input={"id": first["task"]["id"]})

    again = await ada.one(CREATE, input=given)

    assert (again["replayed"], again["task"]["id"]) == (True, first["task"]["id"])


async def test_after_24_hours_a_key_is_a_new_one(api: Api, db: Database) -> None:
    """The old record gives way to the new request."""
    ada = await api.user()
    await ada.one(CREATE, input={"title": "Buy milk", "idempotencyKey": "k"})
    async with db.as_system() as session:
        await session.run(Query("update idempotency_keys set created_at = now() - interval '25 hours'"))

    answer = await ada.one(CREATE, input={"title": "Something else", "idempotencyKey": "k"})

    assert (answer["__typename"], answer["replayed"]) == ("CreateTaskSuccess", False)


async def test_a_twin_of_a_request_under_way_is_told_to_come_back(
    api: Api, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits a while for the first one, and then no longer."""
    monkeypatch.setattr(idempotency, "_WAIT_MS", 50)
    ada = await api.user()
    claimed = Query(
        """
        insert into idempotency_keys (user_id, mutation, key, fingerprint)
        values (:user, 'createTask', 'k', '')
        """
    )
    async with db.as_system() as session:
        await session.run(claimed, user=ada.id)

        answer = await ada.one(CREATE, input={"title": "Buy milk", "idempotencyKey": "k"})

    assert (answer["__typename"], answer["code"]) == ("IdempotencyInFlight", "IDEMPOTENCY_IN_FLIGHT")
