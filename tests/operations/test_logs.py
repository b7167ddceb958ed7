"""Lines of log: JSON that says what it is about, from our code and from uvicorn's, without secrets."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import orjson
import pytest

from redaction import learn
from telemetry import logs
from tests.api import AWAIT, START
from tests.client import Client
from tests.operations.conftest import Watched
from tests.processes import Process, until

pytestmark = pytest.mark.anyio


def lines(process: Process) -> list[dict[str, Any]]:
    """Everything that a process has said; each line must be an object."""
    return [orjson.loads(line) for line in process.output().splitlines()]


def one(process: Process, **fields: object) -> dict[str, Any]:
    """The line that says this, once it is there."""

    def found() -> list[dict[str, Any]]:
        return [line for line in lines(process) if fields.items() <= line.items()]

    until(lambda: bool(found()), process, seconds=20)
    return found()[0]


async def test_lines_say_which_request_which_user_and_which_run(watched: Watched) -> None:
    """The ids are those that the client saw."""
    token = await asyncio.to_thread(watched.house.token)
    async with watched.house.http() as http:
        ada = Client(http, token)
        user = (await ada.one("{ viewer { id } }"))["id"]
        started = await ada.one(
            START, headers={"x-request-id": "of-this-test"}, input={"input": "Add a task to buy milk"}
        )
        run = started["execution"]["id"]
        await ada.one(AWAIT, id=run)

    asked = await asyncio.to_thread(one, watched.server, request_id="of-this-test")
    carried = await asyncio.to_thread(one, watched.worker, execution_id=run)

    assert (asked["operation"], asked["outcome"], asked["user_id"]) == ("startExecution", "ok", user)
    assert (asked["logger"], asked["level"]) == ("baton.edge", "debug")
    assert asked["timestamp"].endswith("Z")
    assert (carried["user_id"], carried["attempt"]) == (user, 1)
    assert all("of-this-test" not in str(line) for line in lines(watched.worker))


async def test_what_uvicorn_says_is_such_a_line_too(watched: Watched) -> None:
    """Here of bytes that are no HTTP, at the port for probes."""
    with socket.create_connection(("127.0.0.1", watched.server_port)) as rude:
        rude.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        rude.recv(1_000)

    line = await asyncio.to_thread(one, watched.server, logger="uvicorn.error")

    assert (line["level"], line["event"]) == ("warning", "Invalid HTTP request received.")


def test_a_process_says_where_it_is_found(watched: Watched) -> None:
    """So that nobody has to look for a port."""
    listens = [line["event"] for line in lines(watched.server)]
    works = [line["event"] for line in lines(watched.worker)]

    assert f"the server listens on {watched.house.servers[0]}" in listens
    assert "the worker is here, with 10 slots" in works


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Says something through a set-up of its own and answers what was written."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def say(form: logs.Form, *words: object, **options: Any) -> str:
        logs.set_up(form, "info")
        root.handlers[0].stream = __import__("sys").stderr
        logging.getLogger("baton.test").warning(*words, **options)
        return capsys.readouterr().err

    yield say
    root.handlers[:], root.level = before


def test_secrets_are_blotted_out_and_the_line_stays_json(said: Any) -> None:
    """Known ones, what looks like one, and what stands under a name for one; tracebacks too."""
    learn(['a "quoted" secret'])
    try:
        raise ValueError('it was a "quoted" secret')
    except ValueError as error:
        told = said(
            "json",
            '{"password": "hunter 22"} of %s',
            "Bearer abc.def-ghi",
            extra={"token": "plain", "url": "postgresql://baton:hunter22@db/baton"},
            exc_info=error,
        )

    line = orjson.loads(told)
    assert "ValueError" in line["exception"]
    assert line["token"] == "[secret]"
    for secret in ("hunter", "abc.def", "plain", "quoted"):
        assert secret not in told


def test_people_get_words(said: Any) -> None:
    """One line with the same fields, and no JSON."""
    told = said("console", "the %s is away", "database", extra={"tries": 3})

    assert "the database is away" in told
    assert "tries" in told
    assert not told.startswith("{")
