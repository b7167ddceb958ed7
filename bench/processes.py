"""Servers as processes of their own, and how much processor time each part of the machine took."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.processes import ROOT, free_port, until

_SCHEDULED = 2
"Makes a process' number its clock, as `clock_getcpuclockid` does: in ns, where `/proc` counts in 10 ms."
_DEADLINE = 30.0
BUDGETS = {"BATON_COST_PER_MINUTE": "2000000000", "BATON_ANONYMOUS_COST_PER_MINUTE": "2000000000"}
"Settings. Kept, so that keeping them is measured, and never spent."
_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Served:
    """A server that listens."""

    port: int
    pid: int


@contextmanager
def served(*module: str, env: Mapping[str, str]) -> Generator[Served, None, None]:
    """`python -m <module> --port …`, as `started` does."""
    with started([sys.executable, "-m", *module], env=env) as server:
        yield server


@contextmanager
def started(command: Sequence[str], env: Mapping[str, str]) -> Generator[Served, None, None]:
    """The command with `--port …` on a free port, asked to stop at the end.

    Raises AssertionError with its output where it does not come to listen.
    """
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    with tempfile.TemporaryFile("w+") as log:
        process = launch([*command, "--port", str(port)], {**clean, **env}, log)
        try:
            until(lambda: _listens(port) or process.poll() is not None)
            log.seek(0)
            assert process.poll() is None, log.read()
            yield Served(port, process.pid)
        finally:
            process.terminate()
            process.wait(_DEADLINE)


@contextmanager
def running(
    *command: str, env: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[str], None, None]:
    """A process, asked to stop at the end. Its output is told where we fail before that."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    with tempfile.TemporaryFile("w+") as log:
        process = launch(command, {**clean, **(env or {})}, log)
        try:
            yield process
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read()[-4_000:])
            raise
        finally:
            process.terminate()
            process.wait(_DEADLINE)


def launch(command: Sequence[str], env: Mapping[str, str], log: IO[str]) -> subprocess.Popen[str]:
    """Start it. Whoever only asks whether a bench runs may start it in another way."""
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, text=True)


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


class Meter:
    """Processor seconds of the machine's named parts since it was made, NaN where there is no `/proc`."""

    def __init__(self, parts: Mapping[str, Sequence[int]]) -> None:
        self._parts = parts
        self._before = self._taken()
        self._began = time.perf_counter()

    def read(self) -> tuple[float, dict[str, float]]:
        """Seconds on the clock, and processor seconds of each part."""
        seconds = time.perf_counter() - self._began
        now, before = self._taken(), self._before
        return seconds, {name: sum(map(_spent, before[name], now[name])) for name in self._parts}

    def _taken(self) -> dict[str, list[float]]:
        return {name: [_processor_seconds(pid) for pid in pids] for name, pids in self._parts.items()}


def _spent(before: float, now: float) -> float:
    """What a process that is gone has spent is not known any more."""
    return 0.0 if now < before else now - before


def _processor_seconds(pid: int) -> float:
    if not _PROCESSES.exists():
        return math.nan
    try:
        return time.clock_gettime(~pid << 3 | _SCHEDULED)
    except OSError:  # a connection that its pool closed meanwhile
        return 0.0
