"""What callers are told of costs and budgets, on every road."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from db.query import Query
from settings import Settings
from tests.api import CREATE, Api
from tests.client import Client, GraphQLErrors
from tests.guard.parts import codes
from tests.hostile.places import answers, send
from tests.postgres import Cluster
from tests.processes import House, open_house

pytestmark = pytest.mark.anyio

LIST = "query ($n: Int) { tasks(first: $n) { nodes { id } } }"
STREAM = "subscription ($id: ID!) { s: executionStream(id: $id) { ... on Resumable { cursor } } }"
COSTLY = """subscription {
  activityStream {
    ... on EventBatch { events { ... on TaskChanged { task { executions(first: 20) { nodes { id } } } } } }
  }
}"""
SIGN_IN = 'mutation ($e: String!) { signIn(input: {email: $e, password: "not this one"}) { __typename } }'


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Budgets that are soon spent."""
    return settings.model_copy(
        update={
            "max_cost": 200,
            "cost_per_minute": 300,
            "anonymous_cost_per_minute": 60,
            "sign_ins_per_minute": 3,
        }
    )


@pytest.fixture(scope="module")
def poor(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two real servers on one database, with little to spend, behind a proxy on this machine."""
    small = {"BATON_COST_PER_MINUTE": "400", "BATON_ANONYMOUS_COST_PER_MINUTE": "60"}
    with (
        cluster.database() as dsn,
        open_house(
            dsn,
            tmp_path_factory.mktemp("poor"),
            servers=2,
            workers=0,
            BATON_SIGN_INS_PER_MINUTE="3",
            BATON_TRUSTED_PROXIES="127.0.0.1",
            **small,
        ) as house,
    ):
        yield house


async def test_each_answer_says_what_it_cost(api: Api) -> None:
    ada = await api.user()
    answer = (await ada.post(LIST, n=10)).json()
    assert answer["extensions"] == {
        "cost": {"requested": 11, "limit": 200, "budget": {"limit": 300, "remaining": 289}}
    }


async def test_the_first_answer_of_a_stream_says_what_the_whole_of_it_costs(api: Api) -> None:
    """It is paid for when it is opened; each answer says where the stream stands."""
    ada = await api.user()
    run = (await ada.start("Show my tasks"))["execution"]["id"]
    await ada.one("mutation ($id: ID!) { cancelExecution(input: {id: $id}) { __typename } }", id=run)
    told = answers(await send(ada, {"query": STREAM, "variables": {"id": run}}))
    shown = [one["extensions"] for one in told]
    assert len(shown) == 3
    assert [one["cursor"] for one in shown] == [one["data"]["s"]["cursor"] for one in told]
    assert shown[0]["cost"]["requested"] > 0
    assert shown[0]["cost"]["budget"]["remaining"] < 300
    assert all(set(one) == {"cursor"} for one in shown[1:])


async def test_an_operation_beyond_the_limit_is_refused_unseen(api: Api) -> None:
    ada = await api.user()
    (error,) = (await ada.post("{ tasks(first: 100) { nodes { executions { nodes { id } } } } }")).json()[
        "errors"
    ]
    assert error["extensions"] == {
        "code": "COST_LIMIT_EXCEEDED",
        "cost": {"requested": 1 + 100 * (1 + 1 + 50), "limit": 200},
    }


async def test_who_has_spent_all_is_told_when_to_come_back(api: Api) -> None:
    """429 with `Retry-After`, whichever media type is asked for; another user is not concerned."""
    ada, bob = await api.user(), await api.user("bob@example.com")
    for _ in range(2):
        await ada.ask(LIST, n=100)

    for accept in ("application/json", "application/graphql-response+json"):
        response = await ada.post(LIST, {"accept": accept}, n=100)
        (error,) = response.json()["errors"]
        assert response.status_code == 429
        assert error["extensions"]["code"] == "RATE_LIMITED"
        milliseconds = error["extensions"]["retryAfterMs"]
        assert 0 < milliseconds < 60_000
        assert response.headers["retry-after"] == str(-(-milliseconds // 1_000))
    assert codes((await bob.post(LIST, n=100)).json()) == []


async def test_what_is_left_can_be_asked_for(api: Api) -> None:
    ada = await api.user()
    await ada.ask(LIST, n=59)
    told = await ada.one("{ rateLimit { limit remaining resetAt } }")
    assert told["limit"] == 300
    assert 238 <= told["remaining"] <= 240
    wait = datetime.fromisoformat(told["resetAt"]) - datetime.now(UTC)
    assert 10 < wait.total_seconds() <= 13


async def test_a_repetition_is_answered_though_all_is_spent(api: Api) -> None:
    """By its key in the input, in a variable or in the header; a new key, or none, is refused."""
    ada = await api.user()
    told = "{ ... on CreateTaskSuccess { replayed } }"
    literal = f'mutation {{ createTask(input: {{title: "a", idempotencyKey: "one"}}) {told} }}'
    bare = f'mutation {{ createTask(input: {{title: "b"}}) {told} }}'
    once = {"title": "c", "idempotencyKey": "three"}
    await ada.ask(literal)
    await ada.ask(bare, {"idempotency-key": "two"})
    await ada.ask(CREATE, input=once)
    await spend_all(ada)

    assert (await ada.one(literal))["replayed"]
    assert (await ada.one(bare, {"idempotency-key": "two"}))["replayed"]
    assert (await ada.one(CREATE, input=once))["replayed"]
    for document, headers in ((bare, {}), (bare, {"idempotency-key": "new"}), (LIST, {})):
        assert codes((await ada.post(document, headers)).json()) == ["RATE_LIMITED"]
    mixed = literal.replace("{ createTask", '{ b: createTask(input: {title: "d"}) { __typename } createTask')
    assert codes((await ada.post(mixed)).json()) == ["RATE_LIMITED"]


async def test_repetitions_have_an_end_too(api: Api) -> None:
    """They may cost as much again as everything else: a known key is no way to ask for ever."""
    ada = await api.user()
    given = {"title": "c", "idempotencyKey": "again"}
    await ada.ask(CREATE, input=given)
    await spend_all(ada)

    answers = [codes((await ada.post(CREATE, input=given)).json()) for _ in range(40)]

    assert [] in answers
    assert answers[-1] == ["RATE_LIMITED"]


async def test_who_is_nobody_spends_by_address(api: Api) -> None:
    """A signIn is 10 points for the transaction and one for its answer."""
    for number in range(5):
        assert await api.anonymous.one(SIGN_IN, e=f"{number}@example.com")
    response = await api.anonymous.post(SIGN_IN, e="6@example.com")
    assert (response.status_code, codes(response.json())) == (429, ["RATE_LIMITED"])


async def test_guessing_a_password_is_slow(api: Api) -> None:
    """For an account that is there and one that is not, however it is written; nobody else is hindered."""
    await api.user("ada@example.com")
    for email in ("ada@example.com", "nobody@example.com"):
        written = [email, email.upper(), f" {email}", email]
        answers = [(await api.anonymous.post(SIGN_IN, e=one)).json() for one in written]
        assert [codes(answer) for answer in answers] == [[], [], [], ["RATE_LIMITED"]]
        assert answers[-1]["errors"][0]["extensions"]["retryAfterMs"] > 0
        await forget(api, "address %")
    assert codes((await api.anonymous.post(SIGN_IN, e="else@example.com")).json()) == []


async def test_two_servers_and_a_socket_share_a_budget(poor: House) -> None:
    """Over HTTP at one, over HTTP and a WebSocket at the other. What each asks for takes 15 s to flow in."""
    token = await poor._token("shared@example.com", 3_600)
    async with poor.http(0) as one, poor.http(1) as other:
        while (await Client(one, token).post(LIST, n=100)).status_code == 200:
            pass
        late = Client(other, token)
        assert (await late.post(LIST, n=100)).status_code == 429
        async with late.stream(COSTLY) as stream:
            with pytest.raises(GraphQLErrors) as limited:
                await anext(stream)
        assert limited.value.code == "RATE_LIMITED"
        assert limited.value.errors[0]["extensions"]["retryAfterMs"] > 0


async def test_a_trusted_proxy_says_who_asks(poor: House) -> None:
    """The last address that no trusted proxy added counts; of IPv6 the network."""
    async with poor.http() as http:

        async def status(forwarded: str) -> int:
            client = Client(http, None)
            return (await client.post(SIGN_IN, {"x-forwarded-for": forwarded}, e="a@example.com")).status_code

        assert [await status("192.0.2.1") for _ in range(4)] == [200, 200, 200, 200]
        assert [await status(f"10.9.9.{n}, 192.0.2.2") for n in range(6)][-1] == 429
        assert [await status(f"2001:db8::{n}") for n in range(6)][-1] == 429
        assert await status("2001:db8:0:1::1") == 200


async def test_nobody_says_their_own_address(api: Api) -> None:
    """Without a trusted proxy the header is ignored."""
    for number in range(6):
        response = await api.anonymous.post(
            SIGN_IN, {"x-forwarded-for": f"192.0.2.{number}"}, e=f"{number}@e.com"
        )
    assert response.status_code == 429


async def spend_all(client: Client) -> None:
    """To the last point."""
    while (await client.post("{ tasks(first: 20) { nodes { id } } }")).status_code == 200:
        pass
    while (await client.post("{ __typename }")).status_code == 200:
        pass


async def forget(api: Api, accounts: str) -> None:
    async with api.services.db.as_system() as session:
        await session.run(Query("delete from budgets where account like :some"), some=accounts)
    api.services.budgets._slices.clear()
