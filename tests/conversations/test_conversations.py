"""Conversations: made, listed, renamed, given another agent, and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.test_agents import ARCHIVE
from tests.api import CONVERSATION, Api, User

pytestmark = pytest.mark.anyio

UPDATE = """
mutation ($input: UpdateConversationInput!) {
  updateConversation(input: $input) {
    __typename
    ... on UpdateConversationSuccess { replayed conversation { id title agent { name } } }
    ... on InvalidInput { issues { path } }
    ... on UserError { path }
  }
}"""
DELETE = """
mutation ($id: ID!) {
  deleteConversation(id: $id) { __typename ... on DeleteConversationSuccess { id deleted } }
}"""
GET = "query ($id: ID!) { conversation(id: $id) { messages { nodes { id } } } node(id: $id) { id } }"


@pytest.fixture
async def ada(api: Api) -> User:
    return await api.user()


async def test_a_conversation_begins_with_its_system_prompt(ada: User) -> None:
    """Which is its first message; without one there is none, and the built-in assistant answers."""
    agent = await ada.agent("Ann")

    plain = await ada.conversation()
    made = await ada.conversation(title="Plans", systemPrompt="Be brief.", agentId=agent["id"])

    assert (plain["title"], plain["agent"], plain["messages"]["nodes"]) == (None, None, [])
    assert (made["title"], made["agent"]) == ("Plans", {"id": agent["id"]})
    (message,) = made["messages"]["nodes"]
    assert (message["role"], message["content"]) == ("SYSTEM", "Be brief.")
    assert made["messages"]["totalCount"] == 1
    found = await ada.one(
        "query ($id: ID!) { node(id: $id) { ... on Message { content } } }", id=message["id"]
    )
    assert found == {"content": "Be brief."}


async def test_an_update_changes_what_is_given_and_null_takes_away(ada: User) -> None:
    agent = await ada.agent("Ann")
    talk = await ada.conversation(title="Plans")

    chosen = await update(ada, talk, agentId=agent["id"])
    renamed = await update(ada, talk, title=None)
    bare = await update(ada, talk, title="Notes", agentId=None)

    assert told(chosen) == ("Plans", {"name": "Ann"})
    assert told(renamed) == (None, {"name": "Ann"})
    assert told(bare) == ("Notes", None)


async def test_an_agent_that_is_gone_or_anothers_answers_nobody(api: Api, ada: User) -> None:
    mine, theirs = await ada.agent("Ann"), await (await api.user("bob@example.com")).agent("Ben")
    talk = await ada.conversation()
    await ada.one(ARCHIVE, id=mine["id"])

    for agent, problem in ((mine, "InvalidInput"), (theirs, "NotFound")):
        made = await ada.one(CONVERSATION, input={"agentId": agent["id"]})
        changed = await update(ada, talk, agentId=agent["id"])
        assert [made["__typename"], changed["__typename"]] == [problem, problem]
        assert made["path"] == ["input", "agentId"]


async def test_a_title_has_its_bounds(ada: User) -> None:
    done = await ada.one(CONVERSATION, input={"title": "a" * 501, "systemPrompt": "a" * 50_001})

    assert [issue["path"] for issue in done["issues"]] == [["input", "title"], ["input", "systemPrompt"]]


async def test_a_deleted_conversation_is_gone_with_its_messages(ada: User) -> None:
    """Deleting is idempotent; a request that made it is still answered the same."""
    talk = await ada.conversation(systemPrompt="Be brief.", idempotencyKey="k")

    first, second = [await ada.one(DELETE, id=talk["id"]) for _ in range(2)]

    assert (first["deleted"], second["deleted"]) == (True, False)
    assert await ada.ask(GET, id=talk["id"]) == {"conversation": None, "node": None}
    message = talk["messages"]["nodes"][0]["id"]
    assert await ada.one("query ($id: ID!) { node(id: $id) { id } }", id=message) is None
    assert (await update(ada, talk, title="x"))["__typename"] == "NotFound"
    assert await ada.one("{ conversations { totalCount } }") == {"totalCount": 0}
    again = await ada.one(CONVERSATION, input={"systemPrompt": "Be brief.", "idempotencyKey": "k"})
    assert (again["replayed"], again["conversation"]["id"]) == (True, talk["id"])


async def test_conversations_are_listed_newest_first(ada: User) -> None:
    for title in ("one", "two", "three"):
        await ada.conversation(title=title)

    page = await ada.one(
        "{ conversations(first: 2) { totalCount nodes { title } pageInfo { hasNextPage } } }"
    )

    assert [node["title"] for node in page["nodes"]] == ["three", "two"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)


def told(done: dict[str, Any]) -> tuple[str | None, dict[str, str] | None]:
    return done["conversation"]["title"], done["conversation"]["agent"]


async def update(user: User, talk: dict[str, Any], **fields: Any) -> dict[str, Any]:
    done: dict[str, Any] = await user.one(UPDATE, input={"id": talk["id"], **fields})
    return done
