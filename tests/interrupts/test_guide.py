"""The guide for client authors says what is: its operations are sent as they stand there, in order."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api import Api
from tests.conftest import working
from tests.processes import ROOT

pytestmark = pytest.mark.anyio

GUIDE = (ROOT / "docs" / "people-in-the-loop.md").read_text()
OPERATIONS = {
    found[1]: text
    for text in re.findall(r"```graphql\n(.*?)```", GUIDE, re.S)
    if (found := re.match(r"(?:query|mutation) (\w+)", text))
}


async def test_the_operations_of_the_guide_do_what_it_says(api: Api) -> None:
    ada = await api.user()
    await ada.create("Buy milk")

    async def sent(name: str, **variables: Any) -> Any:
        return await ada.one(OPERATIONS.pop(name), **variables)

    async with working(api.services):
        agent = (await sent("Cleaner"))["agent"]
        pipeline = (await sent("Start", agentId=agent["id"]))["execution"]
        (child,) = pipeline["children"]
        await ada.one("query ($id: ID!) { awaitExecution(id: $id, timeoutMs: 20000) { timedOut } }", **child)
        (interrupt,) = (await sent("Inbox"))["nodes"]
        assert (interrupt["toolName"], interrupt["execution"]["id"]) == ("delete_task", child["id"])
        (result,) = (await sent("Answer", id=interrupt["id"]))["results"]
        assert result["interrupt"] == {"status": "ANSWERED", "decision": "APPROVE"}
        await ada.finished(pipeline["id"])
        assert (await ada.one("{ tasks { totalCount } }"))["totalCount"] == 0

        second = (await sent("Pipeline"))["execution"]["id"]
        await ada.finished(second)
        tree = await sent("Tree", id=second)
        assert (tree["status"], tree["progress"]["percent"], len(tree["children"])) == ("COMPLETED", 100, 3)
        again = (await sent("Again", id=tree["children"][2]["id"]))["execution"]["id"]
        assert (await ada.finished(again))["status"] == "COMPLETED"
    assert OPERATIONS == {}, "every operation of the guide was sent"
