"""How a stream ends, and how it goes on where it could not: each end has its reason, and is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app import Server
from auth import utc_now
from db.connection import Database
from db.events import delete_events
from db.query import Query
from events.cursor import Cursor
from ids import Kind, decode
from resolvers import stream_kinds
from resolvers.services import Services, open_services
from resolvers.streams import Closed, Opened, open_stream
from resolvers.users import ensure_user
from settings import Settings
from tests.api import Api, User
from tests.client import Client
from tests.conftest import working
from tests.hostile.places import answers, send

pytestmark = pytest.mark.anyio

FRAME = """
    __typename ... on Resumable { cursor } ... on StreamReset { cause snapshot { id } }
    ... on EventBatch { continuesFrom events { __typename seq } } ... on StreamClosed { reason }
    ... on StreamOpened { snapshot { id ... on Conversation { messages { nodes { content } } } } }
"""
ONE = "subscription ($id: ID!, $after: String) {{ s: {}(id: $id, after: $after) {{ {} }} }}"
RUN = ONE.format("executionStream", FRAME)
TALK = ONE.format("conversationStream", FRAME)
DAY = f"subscription ($after: String) {{ s: activityStream(after: $after) {{ {FRAME} }} }}"


async def told(client: Client, document: str, **variables: Any) -> list[dict[str, Any]]:
    """Every frame of a stream that ends."""
    async with asyncio.timeout(20):
        response = await send(client, {"query": document, "variables": variables})
    return [answer["data"]["s"] for answer in answers(response)]


def names(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["__typename"] for frame in frames if frame["__typename"] != "Heartbeat"]


async def ended_run(api: Api, ada: User) -> tuple[str, UUID]:
    async with working(api.services):
        run = (await ada.start("Add a task to buy milk"))["execution"]["id"]
        await ada.finished(run)
    return run, decode(Kind.EXECUTION, run)


async def write(db: Database, statement: str, **parameters: object) -> None:
    async with db.as_system() as session:
        await session.run(Query(statement), **parameters)


async def when(followed: Callable[[], bool], then: Callable[[], Awaitable[Any]]) -> None:
    """Wait for the condition, and do it."""
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.005)
            if followed():
                break
    await then()


async def test_a_cursor_that_is_older_than_what_is_kept_is_reset(api: Api) -> None:
    """Opened comes first all the same; then the reset, with today's snapshot at the same place."""
    ada = await api.user()
    run, stream = await ended_run(api, ada)
    frames = await told(ada, RUN, id=run)
    old, kept = frames[0]["cursor"], Cursor(stream, 3, 1).encode()
    await write(api.services.db, "update executions set pruned_seq = 3 where id = :id", id=stream)
    await write(api.services.db, "delete from events where stream = :id and seq <= 3", id=stream)

    seen = await told(ada, RUN, id=run, after=old)
    assert names(seen) == ["StreamOpened", "StreamReset", "StreamClosed"]
    assert seen[1]["cause"] == "CURSOR_EXPIRED"
    assert {frame["cursor"] for frame in seen} == {frames[-1]["cursor"]}
    assert seen[1]["snapshot"] == {"id": run}
    assert names(await told(ada, RUN, id=run)) == names(seen), "the start is not kept either"

    rest = await told(ada, RUN, id=run, after=kept)
    assert names(rest)[0] == "StreamOpened"
    assert rest[1].get("continuesFrom", rest[1]["cursor"]) == rest[0]["cursor"]


async def test_what_was_pruned_out_of_the_middle_is_passed_over(api: Api) -> None:
    """From every place, also from one that is gone: no reset, and nothing twice."""
    ada = await api.user()
    run, stream = await ended_run(api, ada)
    seqs = [event["seq"] for frame in await told(ada, RUN, id=run) for event in frame.get("events", ())]
    async with api.services.db.as_system() as session:
        await delete_events(session, stream, ada.id, [4, 5, 6])

    left = [seq for seq in seqs if seq not in {4, 5, 6}]
    for after in range(3, 7):
        frames = await told(ada, RUN, id=run, after=Cursor(stream, after, 1).encode())
        assert set(names(frames)) == {"StreamOpened", "EventBatch", "StreamClosed"}
        assert [event["seq"] for frame in frames for event in frame.get("events", ())] == [
            seq for seq in left if seq > after
        ]


async def test_a_cursor_of_another_life_of_the_log_is_reset(api: Api) -> None:
    """A failover may have lost the tail: the seqs after it may name other events."""
    ada = await api.user()
    run, stream = await ended_run(api, ada)
    frames = await told(ada, RUN, id=run)
    await _fail_over(api.services.db)

    seen = await told(ada, RUN, id=run, after=frames[-1]["cursor"])
    assert names(seen) == ["StreamOpened", "StreamReset", "StreamClosed"]
    assert seen[1]["cause"] == "LOG_TRUNCATED"
    ahead = Cursor(stream, 1_000, 1).encode()
    assert names(await told(ada, RUN, id=run, after=ahead)) == names(seen), "ahead of a life that is over"
    fresh = await told(ada, RUN, id=run, after=seen[-1]["cursor"])
    assert names(fresh) == ["StreamOpened", "StreamClosed"]


async def _fail_over(db: Database) -> None:
    """What readers see of one: another timeline."""
    await write(db, "create or replace function log_epoch() returns int language sql stable as 'select 2'")


async def test_who_is_gone_may_read_no_more(api: Api) -> None:
    """FORBIDDEN within a poll, and not a word of what came after."""
    ada = await api.user()
    watching = asyncio.create_task(told(ada, DAY))

    async def delete() -> None:
        await write(api.services.db, "delete from users where id = :id", id=ada.id)

    await when(lambda: ada.id.hex in api.services.feed._channels, delete)
    frames = await watching
    assert names(frames) == ["StreamOpened", "StreamClosed"]
    assert frames[-1]["reason"] == "FORBIDDEN"
    assert not api.services.feed._channels


async def test_the_end_of_the_token_is_told(api: Api) -> None:
    ada = await api.user()
    past = utc_now() - timedelta(seconds=59)
    token, _ = api.services.tokens.issue(ada.id, past, seconds=60)

    frames = await told(ada.as_(token), DAY)
    assert names(frames) == ["StreamOpened", "StreamClosed"]
    assert frames[-1]["reason"] == "AUTH_EXPIRED"


async def test_a_server_that_goes_away_says_so(settings: Settings) -> None:
    """The frame, and no `complete`: whoever speaks EventSource comes back by itself."""
    server = Server(settings)
    app = server.application()
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            ada = await Api(server.services, http).user()
            asked = {"query": DAY, "variables": {}}
            watching = asyncio.create_task(send(ada, asked))
            await when(lambda: ada.id.hex in server.services.feed._channels, server.drain)
            response = await watching
    assert "event: complete" not in response.text
    assert answers(response)[-1]["data"]["s"]["reason"] == "SERVER_DRAINING"


async def test_who_takes_too_long_is_told_where_to_go_on(settings: Settings, dsn: str) -> None:
    """SLOW_CONSUMER at the place of the last frame that was taken; the table is read no further meanwhile."""
    slow = settings.model_copy(update={"slow_consumer_seconds": 0.05})
    async with open_services(slow, dsn, "test") as services:
        user = await _user(services)
        opened = await open_stream(
            services, stream_kinds.ACTIVITY, user, user, None, from_now=True, show=lambda frame: frame
        )
        first = await opened.next()
        assert first is not None
        assert isinstance(first.value, Opened)
        await when(lambda: not services.feed._channels, _at_once)
        last = await opened.next()
        assert last is not None
        assert isinstance(last.value, Closed)
        assert (last.value.reason, last.cursor) == ("SLOW_CONSUMER", first.cursor)
        assert await opened.next() is None


async def _at_once() -> None:
    """Nothing to wait for."""


async def _user(services: Services) -> UUID:
    return (await ensure_user(services.db, "slow@example.com")).id


async def test_a_conversation_is_followed_by_the_same_rules(api: Api) -> None:
    """The snapshot holds what the events after it do not tell again."""
    ada = await api.user()
    made = await ada.one(
        'mutation { createConversation(input: {systemPrompt: "Be brief."}) {'
        " ... on CreateConversationSuccess { conversation { id cursor } } } }"
    )
    talk, now = made["conversation"]["id"], made["conversation"]["cursor"]
    stream = decode(Kind.CONVERSATION, talk)

    async def delete() -> None:
        await ada.one("mutation ($id: ID!) { deleteConversation(id: $id) { __typename } }", id=talk)

    services = api.services
    for after, seqs, messages in ((None, [], 1), (Cursor(stream, 0).encode(), [1], 0), (now, [], 1)):
        opened = await open_stream(
            services,
            stream_kinds.CONVERSATION,
            stream,
            ada.id,
            after,
            from_now=True,
            show=lambda frame: frame,
        )
        first: Any = await opened.next()
        snapshot: Any = first.value.snapshot
        assert getattr(snapshot, "up_to", 1) == messages
        if seqs:
            batch: Any = await opened.next()
            assert [event.seq for event in batch.value.events] == seqs
        opened.close()
    watching = asyncio.create_task(told(ada, TALK, id=talk))
    await when(lambda: stream.hex in api.services.feed._channels, delete)
    assert (await watching)[-1]["reason"] == "FORBIDDEN"
