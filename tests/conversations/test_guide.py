"""The guide for client authors says what is: its operations are sent as they stand there, in order."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.api import Api
from tests.conftest import working
from tests.conversations.test_following import all_open
from tests.hostile.places import answers, send
from tests.processes import ROOT

pytestmark = pytest.mark.anyio

GUIDE = (ROOT / "docs" / "conversations.md").read_text()
OPERATIONS = {
    found[1]: text
    for text in re.findall(r"```graphql\n(.*?)```", GUIDE, re.S)
    if (found := re.match(r"(?:query|mutation|subscription) (\w+)", text))
}


async def test_the_operations_of_the_guide_do_what_it_says(api: Api) -> None:
    ada = await api.user()
    left = dict(OPERATIONS)

    async def sent(name: str, **variables: Any) -> Any:
        return await ada.one(left.pop(name), **variables)

    async with working(api.services):
        agent = (await sent("Agent"))["agent"]
        talk = (await sent("Begin", agentId=agent["id"]))["conversation"]
        exchange = await sent("Ask", id=talk["id"])
        assert exchange["reply"]["content"] == "You said: Hello"
        follow = {"query": left.pop("Follow"), "variables": {"id": talk["id"], "after": talk["cursor"]}}
        following = asyncio.create_task(send(ada, follow))
        await all_open(api, talk, 1)
        steered = await sent("Steer", id=talk["id"])
        assert steered["disposition"] == "STARTED", "nothing was active"
        await ada.finished(steered["execution"]["id"])
        history = await sent("History", id=talk["id"])
        assert [one["role"] for one in history["messages"]["nodes"]] == ["SYSTEM"] + ["USER", "ASSISTANT"] * 2
        again = await sent("Again", runId=exchange["execution"]["id"])
        await ada.finished(again["execution"]["id"])
        assert await sent("Delete", id=talk["id"]) == {"deleted": True}
        remembering = await sent("LongMemory", id=agent["id"])
        assert remembering["agent"] == {"version": 2, "longHistory": "SUMMARIZE"}
        frames = [one["data"]["conversationStream"] for one in answers(await following)]
    told = [event["__typename"] for frame in frames for event in frame.get("events", ())]
    assert {"MessageDelta", "MessageCompleted", "ExecutionStatusChanged"} <= set(told)
    assert frames[-1]["reason"] == "FORBIDDEN"
    assert left == {}, "every operation of the guide was sent"
