"""One run watched from several servers: live, afterwards, and from any point."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from ids import Kind, decode
from tests.api import AWAIT, START
from tests.client import Client, GraphQLErrors
from tests.processes import House

pytestmark = pytest.mark.anyio

SENTENCE = "Add a high priority task to call the dentist by Friday, then show my tasks"
STREAM = """
subscription ($id: ID!, $after: String, $from: StreamFrom) {
  executionStream(id: $id, after: $after, from: $from) {
    __typename
    ... on Resumable { cursor }
    ... on StreamOpened {
      snapshot {
        id
        ... on Execution {
          status endReason attempt result cursor progress { percent }
          steps(first: 100) { nodes { number status } }
        }
      }
    }
    ... on EventBatch {
      continuesFrom
      events {
        __typename seq
        ... on ExecutionStatusChanged { executionId status attempt }
        ... on StepStarted { step { number status } }
        ... on StepFinished { step { number status } }
        ... on ProgressReported { progress { percent } }
      }
    }
    ... on StreamReset { cause snapshot { id ... on Execution { status result } } }
    ... on StreamClosed { reason }
  }
}"""
DAY = """
subscription ($after: String, $from: StreamFrom) {
  activityStream(after: $after, from: $from) {
    __typename
    ... on Resumable { cursor }
    ... on StreamReset { cause }
    ... on EventBatch { continuesFrom events { __typename seq } }
  }
}"""
AGE = """
    with run as (
      update executions set finished_at = finished_at - interval '31 days' where id = $1 returning user_id
    )
    update events set at = at - interval '31 days' where stream = (select user_id from run)
"""


@pytest.fixture
async def servers(house: House) -> AsyncIterator[list[Client]]:
    """The same user at each of two servers."""
    token = await asyncio.to_thread(house.token, "streams@example.com")
    async with house.http(0) as one, house.http(1) as two:
        yield [Client(one, token), Client(two, token)]


@pytest.fixture
async def ended(servers: list[Client]) -> str:
    """A run that is over."""
    started = await servers[0].one(START, input={"input": SENTENCE})
    run_id = started["execution"]["id"]
    assert not (await servers[1].one(AWAIT, id=run_id))["timedOut"]
    return run_id


async def frames(client: Client, run_id: str, **variables: Any) -> list[dict[str, Any]]:
    async with client.stream(STREAM, id=run_id, **variables) as stream:
        return await stream.frames()


def events(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for frame in frames for event in frame.get("events", ())]


def check(frames: list[dict[str, Any]]) -> None:
    """The order that the contract promises: opened, batches that continue each other, closed."""
    names = [frame["__typename"] for frame in frames if frame["__typename"] != "Heartbeat"]
    assert names[0] == "StreamOpened"
    assert names[-1] == "StreamClosed"
    assert set(names[1:-1]) <= {"EventBatch"}
    for before, frame in pairwise(frames):
        assert frame.get("continuesFrom", before["cursor"]) == before["cursor"]
    assert frames[-1]["reason"] == "TERMINAL"


async def test_a_run_is_watched_live_from_any_server(servers: list[Client]) -> None:
    """Everything that happens comes once, in order, at each of them."""
    started = await servers[0].one(START, input={"input": SENTENCE})

    watched = await asyncio.gather(
        *(frames(server, started["execution"]["id"], after=started["cursor"]) for server in servers * 3)
    )

    for seen in watched:
        check(seen)
        assert [event["seq"] for event in events(seen)] == list(range(1, len(events(seen)) + 1))
        assert events(seen) == events(watched[0])
        assert events(seen)[-1]["status"] == "COMPLETED"


async def test_a_finished_run_is_shown_again_from_the_start(servers: list[Client], ended: str) -> None:
    """A stream from the start is the whole log, then an end at once."""
    seen = await frames(servers[1], ended)

    check(seen)
    assert seen[0]["snapshot"]["status"] == "QUEUED"
    assert events(seen)[0]["status"] == "QUEUED"
    assert events(seen)[-1]["status"] == "COMPLETED"


async def test_from_now_a_finished_run_is_its_snapshot_and_an_end(servers: list[Client], ended: str) -> None:
    """StreamOpened comes first, also when nothing can follow."""
    opened, closed = await frames(servers[0], ended, **{"from": "NOW"})

    assert opened["snapshot"]["status"] == "COMPLETED"
    assert opened["snapshot"]["cursor"] == opened["cursor"] == closed["cursor"]
    assert opened["snapshot"]["result"].startswith("Task created: Call the dentist")


async def test_snapshot_and_events_fit_together_at_every_cursor(servers: list[Client], ended: str) -> None:
    """The snapshot is the run as it was at the cursor; the events after it lead to the run as it is."""
    final = (await frames(servers[0], ended, **{"from": "NOW"}))[0]["snapshot"]
    places = (
        await servers[0].one(
            "query ($id: ID!) { execution(id: $id) { events { edges { cursor } } } }", id=ended
        )
    )["events"]["edges"]

    for seq, place in enumerate(places, 1):
        seen = await frames(servers[seq % 2], ended, after=place["cursor"])
        check(seen)
        assert seen[0]["cursor"] == place["cursor"]
        assert [event["seq"] for event in events(seen)] == list(range(seq + 1, len(places) + 1))
        assert replayed(seen[0]["snapshot"], events(seen)) == facts(final)


def facts(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": snapshot["status"],
        "attempt": snapshot["attempt"],
        "percent": (snapshot["progress"] or {}).get("percent"),
        "steps": {step["number"]: step["status"] for step in snapshot["steps"]["nodes"]},
    }


def replayed(snapshot: dict[str, Any], later: list[dict[str, Any]]) -> dict[str, Any]:
    """The run that a client knows who applies the events to the snapshot."""
    known = facts(snapshot)
    for event in later:
        match event["__typename"]:
            case "ExecutionStatusChanged":
                known |= {"status": event["status"], "attempt": event["attempt"]}
            case "StepStarted":
                assert event["step"]["number"] not in known["steps"]
                known["steps"][event["step"]["number"]] = event["step"]["status"]
            case "StepFinished":
                assert known["steps"][event["step"]["number"]] == "RUNNING"
                known["steps"][event["step"]["number"]] = event["step"]["status"]
            case _:
                known["percent"] = event["progress"]["percent"]
    return known


async def test_the_pages_of_the_log_have_the_cursors_of_the_stream(servers: list[Client], ended: str) -> None:
    """`Execution.events` is the same rows, in the same order, with the same cursors."""
    paged = (
        "query ($id: ID!, $after: String) { execution(id: $id) { events(first: 2, after: $after) {"
        "  edges { cursor node { seq __typename } } pageInfo { hasNextPage endCursor } } } }"
    )
    edges: list[Any] = []
    more = True
    while more:
        page = (await servers[0].one(paged, id=ended, after=edges[-1]["cursor"] if edges else None))["events"]
        edges += page["edges"]
        more = page["pageInfo"]["hasNextPage"]

    seen = await frames(servers[0], ended)
    assert [edge["node"] for edge in edges] == [
        {"seq": event["seq"], "__typename": event["__typename"]} for event in events(seen)
    ]
    assert edges[-1]["cursor"] == seen[-1]["cursor"]


async def refusal(client: Client, run_id: str, **variables: Any) -> str:
    with pytest.raises(GraphQLErrors) as refused:
        await frames(client, run_id, **variables)
    return refused.value.code


async def test_a_cursor_that_does_not_belong_is_refused(servers: list[Client], ended: str) -> None:
    """Another stream's, one that is ahead of the log, and no cursor at all."""
    other = await servers[0].one(START, input={"input": "show my tasks"})
    ahead = (await frames(servers[0], ended, **{"from": "NOW"}))[0]["cursor"]
    from events.cursor import Cursor
    from ids import Kind, decode

    stream = decode(Kind.EXECUTION, ended)
    future = Cursor(stream, Cursor.parse(ahead, stream).seq + 1).encode()

    assert await refusal(servers[0], ended, after=other["cursor"]) == "INVALID_CURSOR"
    assert await refusal(servers[0], ended, after="nonsense") == "INVALID_CURSOR"
    assert await refusal(servers[0], ended, after="") == "INVALID_CURSOR"
    assert await refusal(servers[0], ended, after=future) == "FUTURE_CURSOR"


async def test_another_users_stream_is_not_found(servers: list[Client], ended: str, house: House) -> None:
    """Exactly like one that never was."""
    stranger = servers[0].as_(await asyncio.to_thread(house.token, "stranger@example.com"))

    assert await refusal(stranger, ended) == "NOT_FOUND"
    assert await refusal(stranger, "exec_01h455vb4pex5vsknk084sn02q") == "NOT_FOUND"
    assert await refusal(stranger, "garbage") == "INVALID_ID"


async def test_what_a_prune_has_made_too_old_is_reset_and_goes_on(
    house: House, servers: list[Client], ended: str
) -> None:
    """The whole way: `baton prune` as a process of its own, and a cursor from before it, on either server."""
    (start, *_, end) = await frames(servers[0], ended)
    db = await asyncpg.connect(house.dsn)
    async with servers[1].stream(DAY, **{"from": "START"}) as day:
        before = await anext(day)
        await db.execute(AGE, decode(Kind.EXECUTION, ended))
        prune = house.start("prune")
        assert await asyncio.to_thread(prune.wait) == 0
    await db.close()
    (gone,) = [line.split()[0] for line in prune.output().splitlines() if line.endswith(" events")]
    assert int(gone.replace(",", "")) > 0

    for server in servers:
        opened, reset, closed = await frames(server, ended, after=start["cursor"])
        assert (opened["__typename"], closed["reason"]) == ("StreamOpened", "TERMINAL")
        assert (reset["cause"], reset["snapshot"]["status"]) == ("CURSOR_EXPIRED", "COMPLETED")
        assert {frame["cursor"] for frame in (opened, reset, closed)} == {end["cursor"]}
    async with servers[0].stream(DAY, after=before["cursor"]) as day:
        assert (await anext(day))["__typename"] == "StreamOpened"
        reset = await anext(day)
        await servers[1].one(START, input={"input": "show my tasks"})
        batch = await anext(day)
        assert (reset["cause"], batch["continuesFrom"]) == ("CURSOR_EXPIRED", reset["cursor"])
