"""Whatever a run or the task agent is asked for: an answer, and nothing that cannot be read afterwards."""

from __future__ import annotations

import asyncio

import pytest

from engine.worker.worker import Worker
from tests.api import Api, User
from tests.hostile.sentences import SENTENCES, TITLE

pytestmark = pytest.mark.anyio

ASK = """
mutation ($input: AskTaskAgentInput!) {
  askTaskAgent(input: $input) { __typename ... on TaskAgentAnswer { outcome tasks { id dueAt } } }
}"""
ALL = "{ tasks(first: 100) { nodes { id number title dueAt completedAt } } }"
MOVE = "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { __typename } }"
SAID = [text.replace(TITLE, "milk") for text in SENTENCES]
ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago")
"Where the day begins first and last."


async def test_every_run_comes_to_an_answer(api: Api, worker: Worker) -> None:
    """A sentence that a run cannot follow is answered, not a fault of ours; or it asks before it acts."""
    ada = await api.user()
    started = [await ada.start(text, timeZone=zone) for text in SAID for zone in ZONES[1:]]

    ended = [await ada.finished(one["execution"]["id"]) for one in started]

    faults = [
        run for run in ended if run["endReason"] != "FINAL_ANSWER" and run["status"] != "AWAITING_INPUT"
    ]
    assert faults == []


@pytest.mark.parametrize("zone", ZONES)
async def test_every_sentence_is_answered(api: Api, zone: str) -> None:
    ada = await api.user()
    await ada.create("Buy milk")

    answers = [await ada.one(ASK, input={"message": text, "timeZone": zone}) for text in SAID]

    assert {answer["__typename"] for answer in answers} == {"TaskAgentAnswer", "InvalidInput"}
    await assert_readable(ada)


@pytest.mark.parametrize(
    ("instant", "is_kept"),
    [
        ("0001-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00.000001Z", True),
        ("9999-12-31T23:59:59.999998Z", True),
        ("9999-12-31T23:59:59.999999Z", False),
    ],
)
async def test_an_instant_is_kept_as_it_is_or_refused(api: Api, instant: str, is_kept: bool) -> None:
    """The ends of the calendar are what the database's driver takes for infinity."""
    ada = await api.user()
    task = await ada.create()

    moved = await ada.one(MOVE, input={"id": task["id"], "dueAt": instant})

    assert moved["__typename"] == ("UpdateTaskSuccess" if is_kept else "InvalidInput")
    (found,) = (await ada.one(ALL))["nodes"]
    assert found["dueAt"] == (instant if is_kept else None)


async def test_a_due_date_that_is_over_in_utc_is_refused(api: Api) -> None:
    """The last evening of the year 9999 in Pago Pago is in no year that we can read again."""
    ada = await api.user()

    answer = await ada.one(
        ASK, input={"message": "add a party by 9999-12-31 at 23:59", "timeZone": "Pacific/Pago_Pago"}
    )

    assert answer["__typename"] == "InvalidInput"
    await assert_readable(ada)


async def test_numbers_of_any_size_in_a_document_are_refused_or_kept(api: Api) -> None:
    ada = await api.user()

    async def start(number: str) -> object:
        given = f'{{input: "x", metadata: {{n: {number}}}}}'
        document = f"mutation {{ startExecution(input: {given}) {{ __typename }} }}"
        answer = (await ada.post(document)).json()
        return answer["data"]["startExecution"]["__typename"] if "data" in answer else _codes(answer)

    large = ["18446744073709551616", "-9223372036854775809", "1e999", "-1e999", "9" * 400]
    fitting = ["18446744073709551615", "-9223372036854775808", "1e308", "0.1"]

    assert await asyncio.gather(*map(start, large)) == [["GRAPHQL_VALIDATION_FAILED"]] * len(large)
    assert await asyncio.gather(*map(start, fitting)) == ["StartExecutionSuccess"] * len(fitting)


def _codes(answer: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


async def assert_readable(user: User) -> None:
    """Nothing that was stored stands in the way of what is asked later."""
    assert "nodes" in await user.one(ALL)
