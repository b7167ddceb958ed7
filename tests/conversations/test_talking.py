"""Talking: a message and its answer, what comes meanwhile, and what a reader of the stream is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.models.transcript import OUTPUT_IS_DATA
from settings import ProviderSettings, Settings
from tests.api import Api, User
from tests.conftest import working
from tests.models.server import ModelServer, Reply, model_server

pytestmark = pytest.mark.anyio

SEND = """
mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) {
    __typename
    ... on SendMessageSuccess {
      disposition replayed cursor
      userMessage { id role content }
      reply { id role content execution { id } }
      execution { id status conversation { id } usage { inputTokens outputTokens requests cost } }
    }
    ... on ExecutionActive { active { id } }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code path }
  }
}"""
READ = """
query ($id: ID!) {
  conversation(id: $id) {
    cursor messages(first: 100) { nodes { id role content execution { id } } }
    executions { nodes { id status endReason input } }
  }
}"""
EVENTS = """
query ($id: ID!) {
  execution(id: $id) {
    status endReason result
    events(first: 1000) {
      nodes {
        __typename
        ... on MessageDelta { messageId offset text }
        ... on MessageCompleted { message { id content } }
        ... on MessageSteered { messageId }
        ... on ExecutionStatusChanged { status }
      }
    }
  }
}"""
CANCEL = """
mutation ($id: ID!) { cancelExecution(input: {id: $id, waitMs: 20000}) { __typename } }"""


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def model(running: ModelServer) -> ModelServer:
    running.seen.clear()
    running.replies.clear()
    return running


@pytest.fixture
def settings(settings: Settings, model: ModelServer) -> Settings:
    """With a provider of our own, and a lease that a busy machine does not let run out."""
    provider = ProviderSettings(url=f"{model.address}/v1")
    return settings.model_copy(update={"providers": {"test": provider}, "lease_seconds": 10})


@pytest.fixture
async def ada(api: Api) -> User:
    return await api.user()


@pytest.fixture
async def talk(ada: User) -> dict[str, Any]:
    """A conversation with an agent whose model we speak for."""
    agent = await ada.agent("Ann", model="test:gpt", instructions="Be kind.")
    return await ada.conversation(agentId=agent["id"], systemPrompt="You are a pirate.")


async def test_a_message_is_answered_like_a_plain_chat_call(
    api: Api, ada: User, talk: dict[str, Any]
) -> None:
    """With `waitMs` the reply is in the answer; the rows have both, and the run has what it used."""
    async with working(api.services):
        done = await send(ada, talk, "Hello", waitMs=20_000)

    assert done["disposition"] == "STARTED"
    assert (done["userMessage"]["role"], done["userMessage"]["content"]) == ("USER", "Hello")
    assert (done["reply"]["role"], done["reply"]["content"]) == ("ASSISTANT", "You said: Hello")
    assert done["reply"]["execution"]["id"] == done["execution"]["id"]
    assert done["execution"]["status"] == "COMPLETED"
    assert done["execution"]["conversation"]["id"] == talk["id"]
    assert done["execution"]["usage"] == {"inputTokens": 12, "outputTokens": 7, "requests": 1, "cost": None}
    assert await said(ada, talk) == ["You are a pirate.", "Hello", "You said: Hello"]


async def test_the_built_in_assistant_answers_where_no_agent_was_chosen(api: Api, ada: User) -> None:
    plain = await ada.conversation()

    async with working(api.services):
        done = await send(ada, plain, "Add a task to buy milk", waitMs=20_000)

    assert "Buy milk" in done["reply"]["content"] or "buy milk" in done["reply"]["content"]


async def test_a_model_hears_the_whole_history_in_order(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    """Ten turns, each replayed from the rows."""
    async with working(api.services):
        for turn in range(10):
            await send(ada, talk, f"word {turn}", waitMs=20_000)

    heard = [(one["role"], one["content"]) for one in model.seen[-1]["messages"]]
    expected = [("system", "Be kind."), ("system", OUTPUT_IS_DATA), ("system", "You are a pirate.")]
    for turn in range(10):
        expected += [("user", f"word {turn}"), ("assistant", f"You said: word {turn}")]
    assert heard == expected[:-1]


async def test_a_history_that_is_too_long_keeps_the_prompt_and_the_newest(
    api: Api, ada: User, model: ModelServer
) -> None:
    """Whole messages from the newest back, and never an answer first; what is left out is said to be so."""
    settings = api.services.settings
    settings.model_tokens["test:"] = 1_000
    agent = await ada.agent("Ben", model="test:gpt", toolNames=[])
    talk = await ada.conversation(agentId=agent["id"], systemPrompt="You are a pirate.")
    async with working(api.services):
        for turn in range(6):
            await send(ada, talk, f"{turn} " + "x" * 600, waitMs=20_000)

    heard = [(one["role"], one["content"][:8]) for one in model.seen[-1]["messages"]]
    assert heard == [
        ("system", "You are "),
        ("system", "6 earlie"),
        ("user", "3 xxxxxx"),
        ("assistant", "You said"),
        ("user", "4 xxxxxx"),
        ("assistant", "You said"),
        ("user", "5 xxxxxx"),
    ]


async def test_a_reply_is_streamed_in_pieces_that_fit_and_then_whole(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    text = " ".join(f"word{n}" for n in range(400)) + " 😀 end"
    model.replies.append(Reply(text))

    async with working(api.services):
        done = await send(ada, talk, "Hello", waitMs=20_000)

    run = await ada.one(EVENTS, id=done["execution"]["id"])
    nodes = run["events"]["nodes"]
    deltas = [node for node in nodes if node["__typename"] == "MessageDelta"]
    assert {delta["messageId"] for delta in deltas} == {done["reply"]["id"]}
    told = ""
    for delta in deltas:
        assert delta["offset"] == len(told)
        told += delta["text"]
    assert told == text
    completed = [node for node in nodes if node["__typename"] == "MessageCompleted"]
    assert [one["message"]["content"] for one in completed] == [text]
    assert nodes.index(deltas[-1]) < nodes.index(completed[0]) < len(nodes) - 1


async def test_a_try_that_was_cut_leaves_no_half_sentence(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    """The next one begins the same message at offset 0 again: that is told before it has said a word."""
    model.replies += [
        Reply("this is all wrong " * 100, cut_after=350),
        Reply("This is right.", hold_after=0),
    ]

    async with working(api.services), held(model):
        sent = await send(ada, talk, "Hello")
        run = sent["execution"]["id"]
        await until_held(model)
        halfway = replayed((await ada.one(EVENTS, id=run))["events"]["nodes"])
        model.release()
        await over(ada, run)

    assert list(halfway.values()) == [""]
    assert await said(ada, talk) == ["You are a pirate.", "Hello", "This is right."]
    told = replayed((await ada.one(EVENTS, id=run))["events"]["nodes"])
    assert told == {next(iter(halfway)): "This is right."}


@pytest.mark.parametrize("on_active", ["REJECT", "ENQUEUE", "INTERRUPT", "STEER"])
async def test_a_message_to_an_active_run_becomes_what_was_asked_for(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer, on_active: str
) -> None:
    """While the model is held in the middle of its answer to the first."""
    model.replies.append(Reply("one two three", hold_after=1))
    async with working(api.services), held(model):
        first = await send(ada, talk, "First")
        await until_held(model)
        second = await ada.one(SEND, input={
            "conversationId": talk["id"], "content": "Second", "onActive": on_active
        })  # fmt: skip
        if on_active == "INTERRUPT":
            await over(ada, first["execution"]["id"])
        model.release()
        await quiet(ada, talk)

    runs = (await ada.one(READ, id=talk["id"]))["executions"]["nodes"][::-1]
    texts = await said(ada, talk)
    match on_active:
        case "REJECT":
            assert (second["__typename"], second["active"]["id"]) == ("ExecutionActive", runs[0]["id"])
            assert texts == ["You are a pirate.", "First", "one two three"]
        case "ENQUEUE":
            assert second["disposition"] == "QUEUED"
            assert sorted(texts[1:]) == sorted(["First", "Second", "one two three", "You said: Second"])
            heard = [one["content"] for one in model.seen[-1]["messages"]]
            assert heard[-3:] == ["First", "one two three", "Second"]
        case "INTERRUPT":
            assert second["disposition"] == "SUPERSEDED_PREVIOUS"
            assert (runs[0]["status"], runs[0]["endReason"]) == ("CANCELLED", "SUPERSEDED")
            assert texts == ["You are a pirate.", "First", "Second", "You said: Second"]
        case _:
            # It had no further step: it ended first, so the message is answered after it.
            assert (second["disposition"], second["execution"]["id"]) == ("STEERED", runs[0]["id"])
            assert [run["input"] for run in runs] == ["First", "Second"]
            assert sorted(texts[1:]) == sorted(["First", "Second", "one two three", "You said: Second"])


async def test_a_steered_message_is_taken_up_at_the_next_step_with_a_receipt(
    api: Api, ada: User, talk: dict[str, Any], model: ModelServer
) -> None:
    model.replies += [
        Reply("Let me see.", calls=(("list_tasks", "{}"),), hold_after=1),
        Reply("As you wish."),
    ]
    async with working(api.services), held(model):
        first = await send(ada, talk, "First")
        await until_held(model)
        second = await send(ada, talk, "No, rather this", onActive="STEER")
        model.release()
        await quiet(ada, talk)
        third = await send(ada, talk, "And?", waitMs=20_000)

    assert second["execution"]["id"] == first["execution"]["id"]
    run = await ada.one(EVENTS, id=first["execution"]["id"])
    receipts = [node for node in run["events"]["nodes"] if node["__typename"] == "MessageSteered"]
    assert [one["messageId"] for one in receipts] == [second["userMessage"]["id"]]
    assert [one["content"] for one in model.seen[1]["messages"] if one["role"] == "user"] == [
        "First",
        "No, rather this",
    ]
    assert run["result"] == "As you wish."
    assert third["reply"]["content"] == "You said: And?"
    heard = [one["content"] for one in model.seen[-1]["messages"] if one["role"] != "system"]
    assert heard == ["First", "No, rather this", "As you wish.", "And?"]


async def test_a_repeated_message_is_sent_once(api: Api, ada: User, talk: dict[str, Any]) -> None:
    async with working(api.services):
        done = [await send(ada, talk, "Hello", waitMs=20_000, idempotencyKey="k") for _ in range(2)]

    assert [one["replayed"] for one in done] == [False, True]
    assert done[0]["reply"] == done[1]["reply"]
    assert done[0]["cursor"] == done[1]["cursor"]
    assert len(await said(ada, talk)) == 3


async def test_messages_that_come_at_once_are_answered_one_after_another(
    api: Api, ada: User, talk: dict[str, Any]
) -> None:
    async with working(api.services):
        done = await asyncio.gather(*(send(ada, talk, f"word {n}") for n in range(8)))
        await quiet(ada, talk)

    assert sorted(one["disposition"] for one in done) == ["QUEUED"] * 7 + ["STARTED"]
    texts = await said(ada, talk)
    assert sorted(texts[1:]) == sorted(
        [f"word {n}" for n in range(8)] + [f"You said: word {n}" for n in range(8)]
    )


async def test_a_run_can_be_started_in_a_conversation(api: Api, ada: User, talk: dict[str, Any]) -> None:
    """Its input is the person's message, and it may have another agent."""
    other = await ada.agent("Eve", model="fake:echo")
    async with working(api.services):
        started = await ada.start("Hello", conversationId=talk["id"], agentId=other["id"])
        run = await ada.finished(started["execution"]["id"])

    assert run["result"] == "You said: Hello"
    assert await said(ada, talk) == ["You are a pirate.", "Hello", "You said: Hello"]
    found = await ada.one(
        "query ($f: ExecutionFilter) { executions(filter: $f) { totalCount } }", f={"agentId": other["id"]}
    )
    assert found == {"totalCount": 1}


async def test_a_run_keeps_the_version_that_it_was_started_with(api: Api, ada: User) -> None:
    agent = await ada.agent("Ann", model='fake:[{"answer": "old"}]')
    started = await ada.start("go", agentId=agent["id"])
    await ada.one(
        "mutation ($i: UpdateAgentInput!) { updateAgent(input: $i) { __typename } }",
        i={"id": agent["id"], "model": 'fake:[{"answer": "new"}]'},
    )

    async with working(api.services):
        later = await ada.start("go", agentId=agent["id"])
        results = [(await ada.finished(one["execution"]["id"]))["result"] for one in (started, later)]

    assert results == ["old", "new"]


@pytest.mark.parametrize(
    ("fields", "field"), [({"content": " "}, "content"), ({"content": "x" * 50_001}, "content")]
)
async def test_what_is_no_message_is_refused(
    ada: User, talk: dict[str, Any], fields: dict[str, Any], field: str
) -> None:
    done = await ada.one(SEND, input={"conversationId": talk["id"], **fields})

    assert done["issues"][0]["path"] == ["input", field]


@asynccontextmanager
async def held(model: ModelServer) -> AsyncIterator[None]:
    """Lets go of a model that is held, however the test ends."""
    try:
        yield
    finally:
        model.release()


async def until_held(model: ModelServer) -> None:
    """Wait until the model has come to where it is held."""
    assert await asyncio.to_thread(model.holding.wait, 60)


async def send(user: User, talk: dict[str, Any], content: str, **fields: Any) -> dict[str, Any]:
    done = await user.one(SEND, input={"conversationId": talk["id"], "content": content, **fields})
    assert done["__typename"] == "SendMessageSuccess", done
    return done


async def said(user: User, talk: dict[str, Any]) -> list[str]:
    """Every message of the conversation, in order."""
    read = await user.one(READ, id=talk["id"])
    return [message["content"] for message in read["messages"]["nodes"]]


async def over(user: User, execution_id: str) -> None:
    await user.finished(execution_id)


async def quiet(user: User, talk: dict[str, Any]) -> None:
    """Wait until no run of the conversation lives."""
    seen = set[str]()
    while True:
        runs = {run["id"] for run in (await user.one(READ, id=talk["id"]))["executions"]["nodes"]}
        if runs == seen:
            return
        for run in runs - seen:
            await user.finished(run)
        seen = runs


def replayed(nodes: list[dict[str, Any]]) -> dict[str, str]:
    """The messages that a reader of these events has in the end."""
    texts: dict[str, str] = {}
    for node in nodes:
        if node["__typename"] == "MessageDelta":
            before = texts.get(node["messageId"], "") if node["offset"] else ""
            assert node["offset"] == len(before)
            texts[node["messageId"]] = before + node["text"]
        if node["__typename"] == "MessageCompleted":
            texts[node["message"]["id"]] = node["message"]["content"]
    return texts
