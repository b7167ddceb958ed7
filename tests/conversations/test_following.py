"""Following a conversation while it is answered: the whole text once, wherever one comes in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.query import Query
from engine.worker.retention import Retention
from events.cursor import Cursor
from ids import Kind, decode
from tests.api import Api, User
from tests.conftest import working
from tests.conversations.test_talking import (
    ada,
    held,
    model,
    quiet,
    replayed,
    running,
    said,
    send,
    settings,
    talk,
    until_held,
)
from tests.hostile.places import answers
from tests.hostile.places import send as ask
from tests.models.server import ModelServer, Reply
from tests.retry.test_retry import RETRY

pytestmark = pytest.mark.anyio

__all__ = ["ada", "model", "running", "settings", "talk"]

FOLLOW = """
subscription ($id: ID!, $after: String) {
  conversationStream(id: $id, after: $after) {
    __typename
    ... on Resumable { cursor }
    ... on StreamOpened { snapshot { ... on Conversation { messages { nodes { id role content } } } } }
    ... on EventBatch {
      continuesFrom
      events {
        __typename seq
        ... on MessageDelta { messageId offset text }
        ... on MessageCompleted { message { id role content } }
        ... on ExecutionStatusChanged { status }
      }
    }
    ... on StreamClosed { reason }
  }
}"""
DELETE = (
    "mutation ($id: ID!) { deleteConversation(id: $id) { ... on DeleteConversationSuccess { deleted } } }"
)
RUNS = "{ executions { nodes { endReason } } }"
TEXT = " ".join(f"word{n}" for n in range(600))
RETENTION = Retention(events=30, runs=90, deleted=30, interval_seconds=3_600)


async def followed(user: User, talk: dict[str, Any], after: str | None = None) -> list[dict[str, Any]]:
    """Every frame until the conversation is deleted."""
    async with asyncio.timeout(30):
        response = await ask(user, {"query": FOLLOW, "variables": {"id": talk["id"], "after": after}})
    return [answer["data"]["conversationStream"] for answer in answers(response)]


def events(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for frame in frames for event in frame.get("events", ())]


def texts(frames: list[dict[str, Any]]) -> list[str]:
    """What a client has in the end: what it opened with, and what it was told since."""
    known = {one["id"]: one["content"] for one in frames[0]["snapshot"]["messages"]["nodes"]}
    told = replayed(events(frames))
    assert not known.keys() & told.keys(), "nothing of what the snapshot holds is told again"
    return [*known.values(), *told.values()]


async def test_an_answer_is_followed_from_anywhere(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    """From before it, in its middle, from the exchange's cursor, and after its end."""
    model.replies.append(Reply(TEXT, hold_after=400))
    early = asyncio.create_task(followed(ada, talk))
    await all_open(api, talk, 1)
    async with working(api.services), held(model):
        exchange = await send(ada, talk, "Hello")
        await until_held(model)
        middle, resumed = (
            asyncio.create_task(followed(ada, talk, after)) for after in (None, exchange["cursor"])
        )
        model.release()
        await quiet(ada, talk)
        late = asyncio.create_task(followed(ada, talk))
        await all_open(api, talk, 4)
        await ada.one(DELETE, id=talk["id"])
        frames = [await one for one in (early, middle, resumed, late)]

    whole = ["You are a pirate.", "Hello", TEXT]
    assert [texts(one) for one in frames] == [whole] * 4
    for one in frames:
        assert one[-1]["reason"] == "FORBIDDEN"
        seqs = [event["seq"] for event in events(one)]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) if seqs else one is frames[3]
    names = [event["__typename"] for event in events(frames[0])]
    assert names.count("MessageDelta") >= 2
    assert names[-2:] == ["MessageCompleted", "ExecutionStatusChanged"], "no piece comes after the whole"
    assert "MessageDelta" in [event["__typename"] for event in events(frames[1])]


async def all_open(api: Api, talk: dict[str, Any], count: int) -> None:
    """Wait until so many follow it, all of them at its end."""
    channel = decode(Kind.CONVERSATION, talk["id"]).hex
    async with asyncio.timeout(20):
        while True:
            known = api.services.feed._channels.get(channel)
            followers = list(known.followers) if known else []
            if len(followers) == count and all(one.is_waiting and not one.is_behind for one in followers):
                break
            await asyncio.sleep(0.005)


async def test_a_deleted_conversation_stops_what_runs_in_it(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    """The run that answers, and those that wait behind it; no message comes of them any more."""
    model.replies.append(Reply(TEXT, hold_after=400))
    async with working(api.services), held(model):
        runs = [(await send(ada, talk, text))["execution"]["id"] for text in ("First", "Second", "Third")]
        await until_held(model)
        await send(ada, talk, "By the way", onActive="STEER")
        assert await ada.one(DELETE, id=talk["id"]) == {"deleted": True}
        assert await ada.one(DELETE, id=talk["id"]) == {"deleted": False}
        ended = [await ada.finished(run) for run in runs]

    assert [run["status"] for run in ended] == ["CANCELLED"] * 3
    told = (await ada.one(RUNS))["nodes"]
    assert [run["endReason"] for run in told] == ["CANCELLED_BY_USER"] * 3, "what was handed to it has none"
    assert len(model.seen) == 1


async def test_a_run_that_is_tried_again_answers_its_message_in_its_conversation(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    """Of what was said before it; later turns hear the newer answer."""
    model.replies.append(Reply("no", status=400))
    async with working(api.services):
        first = await send(ada, talk, "Hello", waitMs=20_000)
        assert first["execution"]["status"] == "FAILED"
        again = await ada.one(RETRY, input={"id": first["execution"]["id"]})
        await ada.finished(again["execution"]["id"])
        assert await said(ada, talk) == ["You are a pirate.", "Hello", "You said: Hello"]
        model.replies.append(Reply("Better."))
        better = await ada.one(RETRY, input={"id": again["execution"]["id"]})
        await ada.finished(better["execution"]["id"])
        await send(ada, talk, "And?", waitMs=20_000)

    heard = [[one["content"] for one in seen["messages"][2:]] for seen in model.seen]
    assert heard[2] == heard[1] == ["You are a pirate.", "Hello"]
    assert heard[3] == ["You are a pirate.", "Hello", "Better.", "And?"]
    assert await said(ada, talk) == [
        "You are a pirate.", "Hello", "You said: Hello", "Better.", "And?", "You said: And?",
    ]  # fmt: skip


async def test_pieces_of_an_old_answer_are_pruned_and_streams_pass_over_them(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    """In the conversation's log and in the run's; a cursor in their midst goes on with the whole message."""
    model.replies += [Reply(TEXT, hold_after=400), Reply(TEXT)]
    db = api.services.db
    async with working(api.services), held(model):
        exchange = await send(ada, talk, "Hello")
        await until_held(model)
        await _grow_old(api)
        assert (await RETENTION.prune(db))["pieces"] == 0, "the answer is not whole yet"
        model.release()
        await quiet(ada, talk)
        stream = decode(Kind.CONVERSATION, talk["id"])
        run = decode(Kind.EXECUTION, exchange["execution"]["id"])
        pieces = await _pieces(api, stream)
        assert await _pieces(api, run) != []
        assert (await RETENTION.prune(db))["pieces"] == 0, "the run has only just ended"
        await _grow_old(api)
        await send(ada, talk, "Again", waitMs=20_000)

        assert (await RETENTION.prune(db))["pieces"] >= 2 * len(pieces)

        assert await _pieces(api, run) == []
        young = await _pieces(api, stream)
        assert young
        assert min(young) > max(pieces)
        resumed = [
            asyncio.create_task(followed(ada, talk, Cursor(stream, seq, 1).encode())) for seq in pieces[:2]
        ]
        await all_open(api, talk, len(resumed))
        await ada.one(DELETE, id=talk["id"])
        frames = [await one for one in resumed]
    for one in frames:
        assert {frame["__typename"] for frame in one} <= {"StreamOpened", "EventBatch", "StreamClosed"}
        first = events(one)[0]
        assert (first["__typename"], first["message"]["content"]) == ("MessageCompleted", TEXT)


async def _grow_old(api: Api) -> None:
    async with api.services.db.as_system() as session:
        await session.run(Query("update events set at = at - interval '61 minutes'"))
        await session.run(Query("update executions set finished_at = finished_at - interval '61 minutes'"))


async def _pieces(api: Api, stream: Any) -> list[int]:
    async with api.services.db.as_system() as session:
        rows = await session.all(
            Query("select seq from events where stream = :stream and kind = 'MessageDelta' order by seq"),
            stream=stream,
        )
    return [row["seq"] for row in rows]
