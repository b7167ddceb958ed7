"""`baton run`, `watch` and `tasks`: a run started and watched from a terminal, through the public API."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from client.display import Lines
from client.run import Run
from tests.api import START
from tests.client import Client
from tests.processes import SECRET, House, baton, open_house, until

pytestmark = pytest.mark.anyio

SENTENCE = "Add a task to buy milk, then show my tasks"


def lines(output: str) -> list[Any]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def home(dsn: str, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody with a database and no server."""
    return {"DATABASE_URL": dsn, "BATON_DATA_DIR": str(tmp_path), "BATON_JWT_SECRET": SECRET}


class TestAtHome:
    def test_a_run_shows_its_steps_and_then_its_answer(self, home: dict[str, str]) -> None:
        done = baton("run", SENTENCE, **home)

        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "✓ 2 things to do: add_task, then list_tasks.",
            "✓ add_task(title: Buy milk)",
            "✓ list_tasks()",
            "Task created: Buy milk",
            "You have 1 task: 1) Buy milk",
        ]

        listed = baton("tasks", "--json", **home)
        assert [task["title"] for task in lines(listed.stdout)] == ["Buy milk"]

    def test_for_scripts_every_event_and_then_the_run_are_lines_of_json(self, home: dict[str, str]) -> None:
        *events, ended = lines(baton("run", SENTENCE, "--json", **home).stdout)

        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert ended["status"] == "COMPLETED"


def test_what_a_person_is_asked_is_a_line() -> None:
    """Until it is answered it stands in the picture, too."""
    output = StringIO()
    run, asked = Run("exec_1"), {"id": "intr_1", "prompt": "May assistant call delete_task?"}
    frame = {"events": [{"__typename": "InterruptOpened", "interrupt": asked}]}

    Lines(Console(file=output)).show(run, run.take(frame))

    assert output.getvalue().startswith("? May assistant call delete_task?  (answer it")
    assert list(run.questions.values()) == ["May assistant call delete_task?"]
    run.take({"events": [{"__typename": "InterruptClosed", "interrupt": {**asked, "status": "ANSWERED"}}]})
    assert not run.questions


@pytest.fixture(scope="module")
def served(house: House) -> dict[str, str]:
    """The environment of somebody who talks to a server, and has nothing else."""
    return {"BATON_URL": house.servers[0], "BATON_TOKEN": house.token("terminal@example.com")}


class TestChatting:
    def test_each_line_is_answered_before_the_next_is_read(self, served: dict[str, str]) -> None:
        done = baton("chat", typed="Add a task to feed the cat\n\nshow my tasks\n", **served)

        assert done.returncode == 0, done.stderr
        first, *rest = done.stdout.splitlines()
        assert first == "Task created: Feed the cat"
        assert any("Feed the cat" in line for line in rest)


class TestAgainstAServer:
    async def test_a_mission_gives_the_same_by_command_and_by_api(
        self, house: House, served: dict[str, str]
    ) -> None:
        """The answers are equal, and so are the steps that were taken."""
        by_command = lines(baton("run", "How many tasks do I have?", "--json", **served).stdout)[-1]
        async with house.http() as http:
            client = Client(http, served["BATON_TOKEN"])
            started = await client.one(START, input={"input": "How many tasks do I have?"})
            by_api = await client.one(AWAIT, id=started["execution"]["id"])

        assert by_api["execution"]["result"] == by_command["result"]
        assert kinds(by_api["execution"]) == kinds(by_command)

    def test_a_run_that_is_over_can_still_be_watched(self, served: dict[str, str]) -> None:
        *events, ended = lines(baton("run", SENTENCE, "--json", **served).stdout)

        assert lines(baton("watch", ended["id"], "--json", **served).stdout) == [*events, ended]

    def test_a_run_that_there_is_not_is_told(self, served: dict[str, str]) -> None:
        done = baton("watch", "exec_01h455vb4pex5vsknk084sn02q", **served)

        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "There is no such object, or it isn't yours.\n"

    def test_a_token_that_is_not_good_is_told(self, served: dict[str, str]) -> None:
        done = baton("tasks", **served | {"BATON_TOKEN": "nonsense"})

        assert (done.returncode, done.stderr) == (2, "The token is not valid, or has expired.\n")

    def test_what_the_server_refuses_is_told_in_its_words(self, served: dict[str, str]) -> None:
        done = baton("run", " ", **served)

        assert (done.returncode, done.stderr) == (2, "Must not be empty.\n")

    def test_a_server_without_a_token_is_told(self) -> None:
        done = baton("tasks", "--url", "http://127.0.0.1:1")

        assert done.returncode == 2
        assert "give --token" in done.stderr

    def test_the_task_agent_of_a_server_can_be_asked(self, served: dict[str, str]) -> None:
        """What it would do, what it needs a word for, with the command that gives it, and what it did."""
        planned = baton("ask", "--dry-run", "Add a task to water the roses", **served)
        done = baton("ask", "Add a task to water the roses", **served)
        asked = baton("ask", "Delete all tasks", **served)
        *_, confirming = asked.stdout.splitlines()
        deleted = baton(*shlex.split(confirming)[1:], **served)

        assert (planned.returncode, planned.stdout) == (
            0,
            "I would create the task 'Water the roses'.\n",
        )
        assert (done.returncode, done.stdout) == (0, "Task created: Water the roses\n")
        assert (asked.returncode, confirming.startswith("baton ask --url http")) == (1, True)
        assert deleted.returncode == 0, deleted.stderr

    def test_a_server_says_what_it_understands_and_does_nothing(self, served: dict[str, str]) -> None:
        done = baton(
            "understand", typed='{"text": "Add a task to wax the floor"}\n\n{"text": "Hm"}\n', **served
        )

        assert done.returncode == 0, done.stderr
        known, unknown = lines(done.stdout)
        assert known == {
            "text": "Add a task to wax the floor",
            "intent": "CREATE",
            "tool": "add_task",
            "args": {"title": "Wax the floor"},
        }
        assert (unknown["intent"], unknown["tool"], unknown["args"]) == ("UNKNOWN", None, None)
        wrong = baton("understand", typed="nonsense\n", **served)
        assert (wrong.returncode, wrong.stderr) == (
            2,
            'line 1: not a JSON object with a string "text"\n',
        )


AWAIT = """
query Await($id: ID!) {
  awaitExecution(id: $id, timeoutMs: 30000) {
    execution { result steps { nodes { kind toolName } } }
  }
}
"""


def kinds(run: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(step["kind"], step["toolName"]) for step in run["steps"]["nodes"]]


@pytest.fixture
def lonely(dsn: str, tmp_path: Path) -> Iterator[tuple[House, str]]:
    """A house without servers and workers, and a token for it."""
    with open_house(dsn, tmp_path, servers=0, workers=0) as house:
        yield house, house.token()


async def test_a_watch_goes_on_after_its_server_was_killed(lonely: tuple[House, str]) -> None:
    """The server is killed before the run begins, and another one takes its place: no event is missed."""
    house, token = lonely
    server = house.start_server()
    url = house.servers[0]
    async with house.http() as http:
        started = await Client(http, token).one(START, input={"input": SENTENCE})
    watching = house.start("watch", started["execution"]["id"], "--json", "--url", url, "--token", token)
    until(lambda: len(lines(watching.output())) == 1, watching)  # queued, and nobody there to carry it

    server.kill()
    house.start("serve", "--port", url.rpartition(":")[2])
    house.start_worker()

    assert watching.wait() == 0
    *events, ended = lines(watching.output())
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert ended["status"] == "COMPLETED"
