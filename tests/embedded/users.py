"""Processes that use a private Postgres, and what stands behind them: all can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from db.embedded.postgres import EmbeddedPostgres
from tests.processes import ROOT, until

_USER = """
import os, sys
from pathlib import Path
from db.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(os.environ["FOLDER"])) as postgres:
    print(postgres.url(), flush=True)
    sys.stdin.read()
"""


class User:
    """A process that uses the server until it is told to leave, or dies. It leads a process group."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _USER],
            cwd=ROOT,
            env={**os.environ, "FOLDER": str(folder), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def url(self) -> str:
        """The server's address, once it has been told; fails with the process's last words."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, self._process.communicate()[1]
        return line

    def leave(self) -> str:
        """Stop using it, and end; what it had to complain about."""
        return self._process.communicate(timeout=30)[1]

    def send(self, number: int) -> None:
        """A signal to the user's whole process group, as a terminal sends it; wait until the user is gone."""
        os.killpg(self._process.pid, number)
        self._process.communicate(timeout=30)

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def clear(self) -> None:
        """Kill it if it is there, and close what connects us."""
        with self._process as process:
            process.kill()


class House:
    """What runs on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._users: list[User] = []

    def enter(self, **environment: str) -> User:
        """A new user; ask it for `url` to know that the server is there."""
        self._users.append(User(self.folder, **environment))
        return self._users[-1]

    def here(self) -> EmbeddedPostgres:
        """This process as a user; it enters with `with`."""
        return EmbeddedPostgres(self.folder)

    @property
    def root(self) -> Path:
        return next(self.folder.glob("pg*"))

    @property
    def data(self) -> Path:
        return self.root / "data"

    def supervisors(self) -> list[psutil.Process]:
        return _running(lambda line: "db.embedded.supervisor" in line and str(self.root) in line)

    def servers(self) -> list[psutil.Process]:
        return _running(lambda line: "-D" in line and str(self.data) in line)

    def everything(self) -> list[psutil.Process]:
        own = [*self.supervisors(), *self.servers()]
        return [*own, *(child for process in own for child in _children(process))]

    def is_empty(self) -> bool:
        return not self.everything()

    def clear(self) -> None:
        """Kill whatever is left."""
        for user in self._users:
            user.clear()
        if self.folder.exists() and any(self.folder.glob("pg*")):
            until(self.is_empty)


def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL to all at once; wait until they are gone."""
    victims = list(processes)
    assert victims
    for process in victims:
        with suppress(psutil.NoSuchProcess):  # it may be one that ends by itself
            process.kill()
    until(lambda: not any(_is_alive(process) for process in victims))


def _running(matches: Callable[[list[str]], bool]) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline", "status"])
    return [process for process in found if matches(process.info["cmdline"] or []) and _is_alive(process)]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [child for child in process.children(recursive=True) if _is_alive(child)]
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
