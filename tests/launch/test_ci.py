"""What CI runs is what the README says, on a machine that has what browser tests need."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT

BROWSER_TOOLS = ("chromium", "node", "npm")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH of its own, with a stand-in for the package manager that notes what it is asked for."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("bash", "dirname", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    script(folder / "apt-get", f'echo "$*" >>{tmp_path}/asked')
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(tmp_path: Path, tools: Path) -> subprocess.CompletedProcess[str]:
    """The real script in a checkout whose command says how it was called, and fails."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    script(tmp_path / "baton", 'echo "$CI $*"; exit 3')
    return subprocess.run(
        ["bash", tmp_path / ".ci" / "run"],
        cwd="/",
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
    )


def asked(tmp_path: Path) -> str:
    """What the package manager was asked for."""
    note = tmp_path / "asked"
    return note.read_text() if note.exists() else ""


def test_it_runs_the_readmes_command_and_ends_as_that_does(tmp_path: Path, tools: Path) -> None:
    for name in BROWSER_TOOLS:
        script(tools / name, "")

    ended = run(tmp_path, tools)

    assert (ended.stdout, ended.returncode) == ("true test\n", 3)
    assert "chromium" not in asked(tmp_path)
    assert "\n./baton test\n" in (ROOT / "README.md").read_text()


def test_it_installs_what_is_missing_where_it_may(tmp_path: Path, tools: Path) -> None:
    script(tools / "npm", "")

    assert run(tmp_path, tools).returncode == 3

    assert ("chromium nodejs" in asked(tmp_path)) is (os.geteuid() == 0)
