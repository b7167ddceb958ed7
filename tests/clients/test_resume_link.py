"""The client link of web/link: its own tests, its build, and real applications whose connections are cut."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from schema.root import schema
from tests.processes import House


@pytest.mark.parametrize(("app", "drops"), [("apollo", 20), ("urql", 8)])
def test_a_page_shows_every_event_of_its_runs_once_however_often_it_is_cut_off(
    app: str, drops: int, house: House, link: Path, script: Callable[..., Any]
) -> None:
    """The script compares the page with the log: events 1..N, one opening, the state at the end."""
    first, second, *_ = house.servers
    seen = script(
        "resume.mjs",
        APP=app,
        BATON_SERVER=first,
        BATON_OTHER_SERVER=second,
        BATON_TOKEN=house.token(f"{app}-resumes@example.com"),
        DROPS=str(drops),
        SEED=str(random.randrange(1, 2**31 - 1)),
    )
    assert seen["drops"] == seen["inTheMidst"] == drops
    assert seen["retries"] >= drops
    assert {run["status"] for run in seen["runs"]} == {"COMPLETED"}
    assert all(run["events"] >= 20 for run in seen["runs"])


def test_the_link_holds_to_its_own_specification(link: Path) -> None:
    """Its tests in Node: cursors, close codes, slow sinks, the reducer at every prefix."""
    _npm("test", folder=link)


def test_the_committed_package_is_what_the_sources_build(link: Path, tmp_path: Path) -> None:
    _npm("run", "build", "--", "--outDir", str(tmp_path / "dist"), folder=link)
    assert _contents(tmp_path / "dist") == _contents(link / "dist")


def test_the_stream_that_use_execution_follows_is_valid(link: Path) -> None:
    printing = "import('@baton/resume-link').then((link) => console.log(link.EXECUTION_STREAM))"
    document = _run("node", "--eval", printing, folder=link)
    assert validate(build_schema(schema.as_str()), parse(document)) == []


def _npm(*arguments: str, folder: Path) -> None:
    _run("npm", *arguments, folder=folder)


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
