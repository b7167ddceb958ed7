"""Another user's object and one that never was cannot be told apart, wherever an id is taken."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import pytest

from db.tool_servers import insert_tool_server
from ids import Kind, encode, new_id, parse
from tests.api import Api, User
from tests.conftest import working
from tests.hostile.places import Place, id_places, inner_id_arguments, send
from tests.interrupts.asking import asked
from tests.scripted import make_agent, start

pytestmark = pytest.mark.anyio

NAMES = {kind: kind.name for kind in Kind}
STATE = """{
  viewer { id email name }
  tasks(first: 100) { nodes { id title version completed updatedAt } }
  agents(first: 100, includeArchived: true) { nodes { id name version archivedAt } }
  toolServers { id name url }
  schedules(first: 100) { nodes { id remaining nextRunAt } }
  conversations(first: 100) { nodes { id title cursor messages { nodes { id content } } } }
  executions(first: 20) {
    nodes { id status endReason attempt cursor steps { nodes { id status } } }
  }
}"""
EVENTS = "query ($id: ID!, $after: String) { execution(id: $id) { events(after: $after) { nodes { seq } } } }"


@dataclass
class House:
    """Two users, and what one of them has: of each kind of object those that are there."""

    owner: User
    stranger: User
    objects: dict[Kind, list[str]]
    beside: dict[User, dict[str, str]]
    """What each of them has of their own, for a root field that requires one id beside another."""


def test_ids_are_taken_by_root_fields_only() -> None:
    """Else the fields below them have to be looked at here too."""
    assert inner_id_arguments() == []


@pytest.mark.parametrize("place", id_places(), ids=str)
async def test_anothers_object_is_like_one_that_never_was(api: Api, place: Place) -> None:
    """The bytes of the answers are the same but for the id that was asked for; and nothing is changed."""
    house = await settle(api)
    before = await house.owner.ask(STATE)

    for kind, ids in house.objects.items():
        never = encode(kind, new_id())
        expected = await told(house, house.stranger, place, never)
        for existing in ids:
            assert await told(house, house.stranger, place, existing) == expected

    assert await house.owner.ask(STATE) == before
    assert await is_looked_up(house, place), "this test does not know how to ask for what is there"


async def is_looked_up(house: House, place: Place) -> bool:
    """Whether the owner gets to something in this place. Asked last: mutations do what they are asked."""
    for kind, ids in house.objects.items():
        never = await told(house, house.owner, place, encode(kind, new_id()))
        for existing in ids:
            if await told_or_open(house, place, existing) != never:
                return True
    return False


async def told_or_open(house: House, place: Place, id_: str) -> tuple[int, str, bytes] | None:
    """What the owner is told; None for a stream that goes on, as one does whose object is there."""
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            return await told(house, house.owner, place, id_)
    return None


async def test_anothers_cursor_is_like_one_of_a_stream_that_never_was(api: Api) -> None:
    """A cursor names its stream: it must not tell whether there is one."""
    house = await settle(api)
    ours = (await house.stranger.start("Show my tasks"))["execution"]["id"]
    theirs = await house.owner.ask("{ executions { nodes { cursor } } }")
    never = (await house.stranger.start("Show my tasks"))["execution"]["cursor"]

    answers = [
        (await house.stranger.post(EVENTS, id=ours, after=cursor)).content
        for cursor in (never, *(node["cursor"] for node in theirs["executions"]["nodes"]))
    ]

    assert b"INVALID_CURSOR" in answers[0]
    assert set(answers) == {answers[0]}


async def settle(api: Api) -> House:
    """The owner has tasks, a run that is over with its steps, one that waits, and one that asks."""
    owner, stranger = await api.user("owner@example.com"), await api.user("stranger@example.com")
    async with working(api.services):
        over = (await owner.start("Add a task to buy milk, then show my tasks"))["execution"]["id"]
        run = await owner.finished(over)
        cautious = await make_agent(
            api.services.db, owner.id, "Cy", model="rules", approval_required=["add_task"]
        )
        asking = await start(api.services, cautious, "Add a task to buy bread")
        (interrupt,) = await asked(owner, asking)
    task = (await owner.create("Call the dentist"))["id"]
    agent = (await owner.agent("Ann"))["id"]
    server = await _tool_server(api, owner)
    talk = await owner.conversation(systemPrompt="Be brief.")
    waiting = (await owner.start("Show my tasks", taskId=task, agentId=agent, conversationId=talk["id"]))[
        "execution"
    ]["id"]
    schedule = (await owner.schedule("0 9 * * 1", "Show my tasks"))["id"]
    await asyncio.gather(stranger.create("Water the plants"), stranger.start("Show my tasks"))
    theirs = await stranger.conversation()
    return House(
        owner,
        stranger,
        {
            Kind.USER: [encode(Kind.USER, owner.id)],
            Kind.TASK: [task],
            Kind.AGENT: [agent],
            Kind.TOOL_SERVER: [server],
            Kind.SCHEDULE: [schedule],
            Kind.CONVERSATION: [talk["id"]],
            Kind.MESSAGE: [message["id"] for message in talk["messages"]["nodes"]],
            Kind.EXECUTION: [over, waiting, asking],
            Kind.INTERRUPT: [interrupt["id"]],
            Kind.STEP: [step["id"] for step in run["steps"]["nodes"]],
        },
        {
            owner: {"updateConversation": talk["id"]},
            stranger: {"updateConversation": theirs["id"]},
        },
    )


async def told(house: House, user: User, place: Place, id_: str) -> tuple[int, str, bytes]:
    """What the answer to a request with this id tells, with the id itself taken out."""
    kind, uuid = parse(id_)
    response = await send(user, place.request(id_, _beside(house, user, place)))
    assert response.status_code == 200, response.text
    body = response.content.replace(id_.encode(), f"[{NAMES[kind]}]".encode())
    assert str(uuid).encode() not in body
    return response.status_code, response.headers["content-type"], body


def _beside(house: House, user: User, place: Place) -> str | None:
    """None where the place is the only one for an id, or the one that the field is about."""
    return None if place.way in {("id",), ("input", "id")} else house.beside[user].get(place.field)


async def _tool_server(api: Api, owner: User) -> str:
    """One that was registered: there is none here that could be asked what it offers."""
    fields = {"id": new_id(), "user_id": owner.id, "name": "theirs", "url": "https://tools.example/mcp"}
    async with api.services.db.as_user(owner.id) as session:
        row = await insert_tool_server(session, {**fields, "sealed_headers": b"x", "tools": []})
    assert row is not None
    return encode(Kind.TOOL_SERVER, row.id)
