"""Agents: what they are made of, their versions, their names, and who works for whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api import AGENT, Api, User

pytestmark = pytest.mark.anyio

UPDATE = """
mutation ($input: UpdateAgentInput!) {
  updateAgent(input: $input) {
    __typename
    ... on UpdateAgentSuccess {
      replayed
      agent { id name instructions model temperature maxSteps version approvalRequired subagents { name } }
    }
    ... on VersionConflict { currentVersion }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code path }
  }
}"""
ARCHIVE = """
mutation ($id: ID!) {
  archiveAgent(id: $id) { __typename ... on ArchiveAgentSuccess { agent { id archivedAt } } }
}"""
LIST = """
query ($all: Boolean, $first: Int, $after: String) {
  agents(includeArchived: $all, first: $first, after: $after) {
    totalCount nodes { name } pageInfo { hasNextPage endCursor }
  }
}"""


@pytest.fixture
async def ada(api: Api) -> User:
    return await api.user()


async def test_an_agent_has_what_was_given_and_defaults_for_the_rest(ada: User) -> None:
    """And it is found by its id, alone and as a node."""
    plain = await ada.agent("Ann")
    made = await ada.agent(
        "Ben", instructions="Be brief.", temperature=0.5, maxSteps=3, toolNames=["list_tasks"],
        approvalRequired=["list_tasks"], subagentIds=[plain["id"]],
    )  # fmt: skip

    assert plain["model"] == "rules"
    assert (plain["instructions"], plain["temperature"], plain["maxSteps"]) == ("", None, 10)
    assert (plain["version"], plain["archivedAt"], plain["subagents"]) == (1, None, [])
    assert (made["temperature"], made["maxSteps"], made["approvalRequired"]) == (0.5, 3, ["list_tasks"])
    assert made["subagents"] == [{"id": plain["id"], "name": "Ann"}]
    asked = "query ($id: ID!) { agent(id: $id) { name } node(id: $id) { ... on Agent { name } } }"
    assert await ada.ask(asked, id=made["id"]) == {"agent": {"name": "Ben"}, "node": {"name": "Ben"}}


async def test_an_update_makes_a_version_and_leaves_out_what_is_left_out(ada: User) -> None:
    """Null clears what can be without a value; a version that was read too early is refused."""
    agent = await ada.agent("Ann", instructions="Be brief.", temperature=1)

    changed = await update(ada, agent, name="Anna", temperature=None)
    late = await update(ada, agent, name="Annie", expectedVersion=1)

    told = changed["agent"]
    assert (told["name"], told["instructions"], told["temperature"]) == ("Anna", "Be brief.", None)
    assert told["version"] == 2
    assert (late["__typename"], late["currentVersion"]) == ("VersionConflict", 2)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " Ann"}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"instructions": "a" * 50_001}, "instructions"),
        ({"model": "gpt-5"}, "model"),
        ({"model": "nobody:gpt-5"}, "model"),
        ({"model": "openai:gpt-5"}, "model"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"maxSteps": 0}, "maxSteps"),
        ({"maxSteps": 1_001}, "maxSteps"),
        ({"toolNames": ["fly"]}, "toolNames"),
        ({"toolNames": ["list_tasks", "list_tasks"]}, "toolNames"),
        ({"toolNames": ["list_tasks"], "approvalRequired": ["add_task"]}, "approvalRequired"),
        ({"subagentIds": ["nonsense"]}, "subagentIds"),
    ],
    ids=str,
)
async def test_what_makes_no_agent_is_refused_by_its_field(
    ada: User, fields: dict[str, Any], field: str
) -> None:
    done = await ada.one(AGENT, input={"name": "Ann", **fields})

    assert done["__typename"] == "InvalidInput"
    assert [issue["path"] for issue in done["issues"]] == [["input", field]]


async def test_a_subagent_is_a_tool_that_can_wait_for_approval(ada: User) -> None:
    """By the name that it has as a tool, and as long as it is a subagent."""
    scout = await ada.agent("Night scout")
    boss = await ada.agent("Boss", subagentIds=[scout["id"]], approvalRequired=["ask_night_scout"])

    assert boss["approvalRequired"] == ["ask_night_scout"]
    alone = await ada.one(UPDATE, input={"id": boss["id"], "subagentIds": []})
    assert [issue["path"] for issue in alone["issues"]] == [["input", "approvalRequired"]]


async def test_every_problem_is_told_at_once(ada: User) -> None:
    done = await ada.one(AGENT, input={"name": "", "model": "x", "maxSteps": 0})

    assert {issue["path"][1] for issue in done["issues"]} == {"name", "model", "maxSteps"}


async def test_names_are_unique_for_each_user_until_the_agent_is_archived(api: Api, ada: User) -> None:
    """Also for two who come at the same time; another user's names are free."""
    done = await asyncio.gather(*(ada.one(AGENT, input={"name": "Ann"}) for _ in range(4)))
    await (await api.user("bob@example.com")).agent("Ann")

    made = [one for one in done if one["__typename"] == "CreateAgentSuccess"]
    assert len(made) == 1
    first = await ada.one(ARCHIVE, id=made[0]["agent"]["id"])
    again = await ada.one(ARCHIVE, id=made[0]["agent"]["id"])
    assert first == again
    assert first["agent"]["archivedAt"] is not None
    await ada.agent("Ann")


async def test_an_archived_agent_is_listed_only_on_request_and_not_changed(ada: User) -> None:
    agent = await ada.agent("Ann")
    for name in ("Ben", "Cid"):
        await ada.agent(name)
    await ada.one(ARCHIVE, id=agent["id"])

    shown = await ada.one(LIST)
    every = await ada.one(LIST, all=True)
    page = await ada.one(LIST, first=1)
    rest = await ada.one(LIST, first=1, after=page["pageInfo"]["endCursor"])

    assert [node["name"] for node in shown["nodes"]] == ["Cid", "Ben"]
    assert shown["totalCount"] == 2
    assert [node["name"] for node in every["nodes"]] == ["Cid", "Ben", "Ann"]
    assert [node["name"] for node in page["nodes"] + rest["nodes"]] == ["Cid", "Ben"]
    assert (await update(ada, agent, name="Anna"))["issues"][0]["path"] == ["input", "id"]
    refused = await ada.one(AGENT, input={"name": "Dora", "subagentIds": [agent["id"]]})
    assert refused["issues"][0]["path"] == ["input", "subagentIds"]


async def test_an_agent_never_works_for_itself(ada: User) -> None:
    """Neither directly nor through others, also when two updates that close a circle come at once."""
    ann = await ada.agent("Ann")
    ben = await ada.agent("Ben", subagentIds=[ann["id"]])
    cid = await ada.agent("Cid", subagentIds=[ben["id"]])

    for worker in (ann, ben, cid):
        done = await update(ada, ann, subagentIds=[worker["id"]])
        assert done["issues"][0]["path"] == ["input", "subagentIds"], worker
    await update(ada, cid, subagentIds=[])
    await update(ada, ben, subagentIds=None)
    pair = await asyncio.gather(
        update(ada, ann, subagentIds=[ben["id"]]), update(ada, ben, subagentIds=[ann["id"]])
    )

    assert sorted(one["__typename"] for one in pair) == ["InvalidInput", "UpdateAgentSuccess"]


async def test_a_repeated_request_makes_one_agent(ada: User) -> None:
    done = [await ada.one(AGENT, input={"name": "Ann", "idempotencyKey": "k"}) for _ in range(2)]

    assert [one["replayed"] for one in done] == [False, True]
    assert done[0]["agent"] == done[1]["agent"]
    changes = [await update(ada, done[0]["agent"], name="Anna", idempotencyKey="k") for _ in range(2)]
    assert [one["agent"]["version"] for one in changes] == [2, 2]


async def update(user: User, agent: dict[str, Any], **fields: Any) -> dict[str, Any]:
    done: dict[str, Any] = await user.one(UPDATE, input={"id": agent["id"], **fields})
    return done
