"""Node projects and their scripts, as processes that end with JSON or fail with a reason."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GRAPHIQL = ROOT / "web" / "graphiql"
CONSOLE = ROOT / "web" / "console"
LINK = ROOT / "web" / "link"
_INSTALL = [
    "npm",
    "ci",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--loglevel=error",
]
_SECONDS = 180


def run_script(name: str, settings: Mapping[str, str]) -> Any:
    """What a script of this folder prints, told its settings by the environment."""
    return json.loads(_run(["node", name], HERE, settings))


def build_graphiql(folder: Path) -> None:
    """A new build of the page."""
    _run(["node", "build.mjs", str(folder)], GRAPHIQL)


def build_console(folder: Path) -> None:
    """A new build of the console, its types checked."""
    _run(["npx", "tsc", "--noEmit"], CONSOLE)
    _run(["npx", "vite", "build", "--outDir", str(folder), "--logLevel", "warn"], CONSOLE)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def install(project: Path) -> None:
    """Install what the project's lock says, unless it is there; one process does, the others wait for it."""
    with (project / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read()).hexdigest()
        stamp = project / "node_modules" / ".installed-from"
        if not stamp.exists() or stamp.read_text() != wanted:
            _run(_INSTALL, project)
            stamp.write_text(wanted)


def _run(command: list[str], folder: Path, settings: Mapping[str, str] | None = None) -> str:
    env = {**os.environ, **(settings or {})}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
