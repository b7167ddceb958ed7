"""What guards operations holds for planned ones: they answer as graphql-core does, and no guard is passed by.

An operation is planned when it comes for the second time. The same text with another comment at its end is
another document, which comes for the first time.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

import httpx2
import pytest

from auth import utc_now
from db.gathering import Gathered
from db.paging import Listing
from edge.plans.plan import Plan, Unfinished
from scopes import Scope
from settings import Settings
from tests.api import CREATE, Api
from tests.client import Client
from tests.guard.parts import narrowed

pytestmark = pytest.mark.anyio

LIST = "query ($n: Int) { tasks(first: $n) { nodes { title } } }"
NESTED = "{ tasks(first: 2) { nodes { title executions(first: 1) { nodes { id } } } } }"
_ID = {"x-request-id": "the-request"}
_NUMBERS = count()


class Taken(list[bool]):
    """For each run of a plan, whether it found the answer."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Little to spend, and not long to wait."""
    return settings.model_copy(
        update={"max_cost": 300, "cost_per_minute": 2_000, "operation_timeout_seconds": 2.0}
    )


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    found = Taken()
    carry_out: Any = Plan.carry_out

    async def noted(plan: Plan, *given: Any) -> Any:
        answer = await carry_out(plan, *given)
        found.append(not isinstance(answer, Unfinished))
        return answer

    monkeypatch.setattr(Plan, "carry_out", noted)
    return found


async def plan(client: Client, taken: Taken, document: str, **variables: Any) -> None:
    """Ask for it until a plan answers."""
    taken.clear()
    for _ in range(2):
        assert "errors" not in (await client.post(document, **variables)).json()
    assert taken == [True]
    taken.clear()


async def both(client: Client, document: str, **variables: Any) -> httpx2.Response:
    """The answer of the planned document, which must be that of one that comes for the first time."""
    planned = await client.post(document, _ID, **variables)
    plain = await client.post(f"{document} # {next(_NUMBERS)}", _ID, **variables)
    assert planned.status_code == plain.status_code
    assert told(planned) == told(plain)
    assert _headers(planned) == _headers(plain)
    return planned


def told(answer: httpx2.Response) -> dict[str, Any]:
    """Without what is left of the budget, of which the second has less."""
    found = answer.json()
    found.get("extensions", {}).get("cost", {}).pop("budget", None)
    return found


def _headers(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "content-length"}


def code(response: httpx2.Response) -> str:
    return response.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize("document", [LIST, NESTED])
async def test_without_a_token_a_planned_operation_tells_nothing(
    api: Api, taken: Taken, document: str
) -> None:
    ada = await api.user()
    await ada.create()
    await plan(ada, taken, document)

    answer = await both(api.anonymous, document)

    assert code(answer) == "UNAUTHENTICATED"
    assert answer.json()["data"] is None
    assert taken == [False]


async def test_a_planned_mutation_does_nothing_for_nobody(api: Api, taken: Taken) -> None:
    ada = await api.user()
    await plan(ada, taken, CREATE, input={"title": "Buy milk"})

    answer = await both(api.anonymous, CREATE, input={"title": "no"})

    assert code(answer) == "UNAUTHENTICATED"
    assert await ada.ask("{ tasks { totalCount } }") == {"tasks": {"totalCount": 2}}


async def test_an_expired_token_opens_no_plan(api: Api, taken: Taken) -> None:
    ada = await api.user()
    await plan(ada, taken, LIST)
    expired, _ = api.services.tokens.issue(ada.id, now=utc_now() - timedelta(days=1), seconds=60)

    answer = await both(ada.as_(expired), LIST)

    assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
    assert taken == []


async def test_a_narrow_token_opens_no_plan(api: Api, taken: Taken) -> None:
    """The plan was made for one who may ask all."""
    ada = await api.user()
    await ada.create()
    await plan(ada, taken, NESTED)

    answer = await both(await narrowed(api, Scope.TASKS_READ), NESTED)

    assert (answer.status_code, code(answer)) == (403, "FORBIDDEN")
    assert answer.json()["errors"][0]["path"] == ["tasks", "nodes", "executions"]
    assert taken == []


async def test_a_plan_is_told_the_scopes_of_each_who_asks(api: Api, taken: Taken) -> None:
    """`node` decides as it runs, by the kind of the id."""
    ada = await api.user()
    document = "query ($id: ID!) { node(id: $id) { id } }"
    run = (await ada.start("show my tasks"))["execution"]["id"]
    await plan(ada, taken, document, id=run)

    answer = await both(await narrowed(api, Scope.TASKS_READ), document, id=run)

    assert code(answer) == "FORBIDDEN"
    assert taken == [False]


async def test_a_plan_for_little_is_none_for_much(api: Api, taken: Taken) -> None:
    """The cost is that of the variables at hand."""
    ada = await api.user()
    document = "query ($n: Int) { tasks(first: $n) { nodes { executions(first: 50) { nodes { id } } } } }"
    await plan(ada, taken, document, n=1)

    answer = await both(ada, document, n=100)

    assert code(answer) == "COST_LIMIT_EXCEEDED"
    assert taken == []


async def test_planned_operations_are_paid_and_end_with_the_budget(api: Api, taken: Taken) -> None:
    ada = await api.user()
    await plan(ada, taken, LIST, n=10)
    costs = [(await ada.post(text, n=10)).json()["extensions"]["cost"] for text in (LIST, f"{LIST} #")]
    assert [cost.pop("budget")["limit"] for cost in costs] == [2_000, 2_000]
    assert costs == [{"requested": 11, "limit": 300}] * 2
    taken.clear()

    while (answer := await ada.post(LIST, n=100)).status_code == 200:
        assert taken.pop()

    plain = await ada.post(f"{LIST} # spent", n=100)
    assert code(answer) == code(plain) == "RATE_LIMITED"
    for one in (answer, plain):
        milliseconds = one.json()["errors"][0]["extensions"]["retryAfterMs"]
        assert one.status_code == 429
        assert one.headers["retry-after"] == str(-(-milliseconds // 1_000))
    assert taken == []


@pytest.mark.parametrize(("where", "method"), [(Listing, "page"), (Gathered, "_answers")])
async def test_what_a_planned_resolver_raises_is_masked(
    api: Api, taken: Taken, monkeypatch: pytest.MonkeyPatch, where: type, method: str
) -> None:
    """At the root and below it; the log has it, under the id that the caller is told."""
    ada = await api.user()
    await ada.create()
    await plan(ada, taken, NESTED)

    async def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("the password is hunter2")

    monkeypatch.setattr(where, method, fail)
    answer = await both(ada, NESTED)

    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "correlationId": "the-request"}
    assert "hunter2" not in answer.text
    assert taken == [False]


@pytest.mark.parametrize(("where", "method"), [(Listing, "page"), (Gathered, "_answers")])
async def test_a_planned_operation_has_a_timeout(
    api: Api, taken: Taken, monkeypatch: pytest.MonkeyPatch, where: type, method: str
) -> None:
    """At the root and below it; what it waited for is cancelled, and nothing of it is left."""
    ada = await api.user()
    await ada.create()
    await plan(ada, taken, NESTED)
    ended: list[str] = []

    async def hang(*_: Any, **__: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(method)

    with monkeypatch.context() as patched:
        patched.setattr(where, method, hang)
        planned, plain = await asyncio.gather(
            ada.post(NESTED, _ID), ada.post(f"{NESTED} # {next(_NUMBERS)}", _ID)
        )

    assert code(planned) == code(plain) == "TIMEOUT"
    assert told(planned) == told(plain)
    assert taken == []
    assert ended == [method, method]
    assert "errors" not in (await ada.post(NESTED)).json()


async def test_arguments_are_worked_out_for_the_values_at_hand(api: Api, taken: Taken) -> None:
    """Kept from run to run for small values: never those of another value, of another type, or of none."""
    ada = await api.user()
    for number in range(3):
        await ada.create(f"{number}")
    selection = "tasks(first: $n, filter: {completed: $done}) { nodes { title } }"
    document = f"query ($n: Int = 2, $done: Boolean) {{ {selection} }}"
    await plan(ada, taken, document)
    for _ in range(2):
        for n in (1, 2, None, 3, True, "1"):
            await both(ada, document, n=n)
        for done in (None, True, False):
            await both(ada, document, done=done)
        await both(ada, document)
