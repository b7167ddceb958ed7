"""A run that asks, at a terminal: what is typed answers it, and a script is told instead."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import pytest

from client.answering import answer_of
from tests.api import AGENT, START
from tests.client import Client
from tests.commands.test_running import lines
from tests.interrupts.asking import ANSWER
from tests.nursery import Child
from tests.processes import House, baton, begin, until

pytestmark = pytest.mark.anyio

OFTEN = json.dumps(
    [
        {"call": "add_task", "arguments": {"title": "Milk"}},
        {"call": "ask_user", "arguments": {"question": "Which colour?"}},
        {"call": "ask_user", "arguments": {"question": "How many?", "schema": {"type": "integer"}}},
        {"answer": "Done with that."},
    ]
)
QUESTION = '[{"call": "ask_user", "arguments": {"question": "Which colour?"}}, {"answer": "Well."}]'
STEPS = """
query ($id: ID!) {
  execution(id: $id) { status steps(first: 50) { nodes { toolName result error } } interrupts { id } }
}"""
CANCEL = "mutation ($id: ID!) { cancelExecution(input: {id: $id, waitMs: 20000}) { __typename } }"


class Person:
    """Somebody with a terminal, a token and agents."""

    def __init__(self, client: Client, environment: dict[str, str]) -> None:
        self.client, self.environment = client, environment

    async def agent(self, name: str, script: str, **fields: Any) -> str:
        made = await self.client.one(AGENT, input={"name": name, "model": f"fake:{script}", **fields})
        return made["agent"]["id"]

    async def calls(self, run: str) -> list[dict[str, Any]]:
        steps = (await self.client.one(STEPS, id=run))["steps"]["nodes"]
        return [step for step in steps if step["toolName"]]

    @contextmanager
    def terminal(self, *arguments: str) -> Iterator[tuple[Child | subprocess.Popen[bytes], TextIO]]:
        """The command, at work, and what it says of itself; nothing is typed yet."""
        typed, told = os.pipe(), os.pipe()
        try:
            process = begin(arguments, {**os.environ, **self.environment}, (typed[0], told[1], told[1]))
        finally:
            os.close(told[1])
        with open(typed[1], "wb"), open(typed[0], "rb"), open(told[0]) as said:
            yield process, said

    def baton(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return baton(*arguments, typed=typed, **self.environment)


@pytest.fixture
def token(house: House, request: pytest.FixtureRequest) -> str:
    """Somebody else's in each test."""
    return house.token(f"{request.node.name[:50]}@example.com")


@pytest.fixture
async def ada(house: House, token: str) -> AsyncIterator[Person]:
    async with house.http() as http:
        yield Person(Client(http, token), {"BATON_URL": house.servers[0], "BATON_TOKEN": token})


async def test_what_a_run_asks_is_answered_line_by_line(ada: Person) -> None:
    """A denial with its reason, a text, and a number, which the server asked for again."""
    agent = await ada.agent("often", OFTEN, approvalRequired=["add_task"])

    done = ada.baton("run", "go", "--agent", agent, typed="what?\ndeny not today\nblue\nmany\n7\n")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Done with that."
    asked = ["May often call add_task?", '"title": "Milk"', "Which colour?", "How many?", "integer"]
    assert [one for one in asked if one not in done.stderr] == []
    (run,) = (await ada.client.one("{ executions { nodes { id } } }"))["nodes"]
    denied, *answered = await ada.calls(run["id"])
    assert denied["error"] == "A person denied this call. not today"
    assert [step["result"]["answer"] for step in answered] == ["blue", 7]


async def test_a_conversation_asks_in_between(ada: Person) -> None:
    """The next line is the answer, and the one after it the next message."""
    agent = await ada.agent("curious", QUESTION)

    done = ada.baton("chat", "--agent", agent, typed="Paint it\nblue\nAgain\ngreen\n")

    assert (done.returncode, done.stdout.splitlines()) == (0, ["Well.", "Well."]), done.stderr
    assert done.stderr.count("Which colour?") == 2


async def test_a_budget_is_raised_from_a_watch(ada: Person) -> None:
    agent = await ada.agent("often", '[{"say": "one"}, {"say": "two"}, {"answer": "three"}]')
    started = await ada.client.one(START, input={"input": "go", "agentId": agent, "budget": {"maxSteps": 1}})

    done = ada.baton("watch", started["execution"]["id"], typed='{"maxSteps": 2}\na\n')

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "three"), done.stderr
    assert "The budget is 1 steps" in done.stderr
    assert '"maxSteps": 4' in done.stderr


async def test_for_scripts_a_question_is_an_event(house: House, ada: Person) -> None:
    """And nothing is read: the script answers by the API."""
    agent = await ada.agent("curious", QUESTION)
    watching = house.start(
        "run", "go", "--json", "--agent", agent, "--url", ada.environment["BATON_URL"],
        "--token", ada.environment["BATON_TOKEN"],
    )  # fmt: skip
    until(lambda: "InterruptOpened" in watching.output(), watching)
    (asked,) = [one for one in lines(watching.output()) if one["__typename"] == "InterruptOpened"]

    answer = {"interruptId": asked["interrupt"]["id"], "decision": "RESPOND", "value": "blue"}
    await ada.client.one(ANSWER, input={"answers": [answer]})

    assert watching.wait() == 0
    assert lines(watching.output())[-1]["status"] == "COMPLETED"


async def test_a_question_is_left_when_the_run_is_over(ada: Person) -> None:
    """Nothing was typed, and nobody waits for a line any more; the exit code says how it ended."""
    agent = await ada.agent("curious", QUESTION)
    with ada.terminal("run", "go", "--agent", agent) as (terminal, said):
        while "Which colour?" not in said.readline():
            assert terminal.poll() is None
        (run,) = (await ada.client.one("{ executions { nodes { id } } }"))["nodes"]

        await ada.client.one(CANCEL, id=run["id"])

        assert terminal.wait(60) == 3


async def test_a_run_that_fails_is_told_and_has_an_exit_code(ada: Person) -> None:
    agent = await ada.agent("broken", '[{"fail": "It broke."}]')

    done = ada.baton("run", "go", "--agent", agent)

    assert (done.returncode, done.stderr) == (1, "It broke.\n")


@pytest.mark.parametrize(
    ("reason", "line", "answer"),
    [
        ("TOOL_APPROVAL", "a", {"decision": "APPROVE"}),
        ("TOOL_APPROVAL", " Yes ", {"decision": "APPROVE"}),
        ("TOOL_APPROVAL", "no", {"decision": "DENY", "comment": None}),
        ("TOOL_APPROVAL", "d since it is late", {"decision": "DENY", "comment": "since it is late"}),
        ("TOOL_APPROVAL", '{"title": "x"}', {"decision": "EDIT", "arguments": {"title": "x"}}),
        ("TOOL_APPROVAL", "", None),
        ("TOOL_APPROVAL", "[1]", None),
        ("TOOL_APPROVAL", "yes please", None),
        ("BUDGET", '{"maxSteps": 9}', {"decision": "EDIT", "arguments": {"maxSteps": 9}}),
        ("EFFECT_VERIFICATION", "it is done", {"decision": "RESPOND", "value": "it is done"}),
        ("EFFECT_VERIFICATION", '{"id": 1}', {"decision": "RESPOND", "value": {"id": 1}}),
        ("EFFECT_VERIFICATION", "", None),
        ("QUESTION", "no", {"decision": "RESPOND", "value": "no"}),
        ("QUESTION", "7", {"decision": "RESPOND", "value": "7"}),
        ("QUESTION", "", {"decision": "DENY"}),
    ],
)
def test_what_a_line_means(reason: str, line: str, answer: dict[str, Any] | None) -> None:
    asked = {"reason": reason, "responseSchema": {"type": "string"} if reason == "QUESTION" else None}

    assert answer_of(asked, line) == answer
