"""Servers and workers at the price of a fork: a process that has imported everything, and makes children.

`python -m tests.faults.nursery` reads one line of JSON for each child and answers its number. A child is
what `baton serve` and `baton worker` are: `launch.serve` and `launch.work` with settings of its own.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

import launch
from engine.language import compile_all
from settings import Settings
from tests.processes import ROOT

_PATIENCE = 60


class Child:
    """One server or worker. It is the nursery that reaps it."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid, self._log = pid, log
        self._handle = os.pidfd_open(pid)

    def send(self, number: int) -> None:
        """A signal; nothing happens where it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send(signal.SIGKILL)

    def wait(self) -> None:
        """Until it is gone."""
        assert _readable(self._handle, _PATIENCE), self.output()

    def is_running(self) -> bool:
        return not _readable(self._handle, 0)

    def output(self) -> str:
        return self._log.read_text()

    async def says(self, *words: str) -> int:
        """How often its log holds any of these, once it does."""
        async with asyncio.timeout(_PATIENCE):
            for _ in itertools.count():
                if said := sum(self.output().count(word) for word in words):
                    return said
                await asyncio.sleep(0.02)
        return 0


class Nursery:
    """The process that makes children, and the way to ask it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def bear(self, what: str, env: dict[str, str], log: Path) -> Child:
        """A child that is `serve` or `work`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log.touch()
        self._process.stdin.write(json.dumps({"what": what, "env": env, "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()), log)

    def close(self) -> None:
        """No more children; those that are left are killed."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(_PATIENCE)


def _readable(handle: int, seconds: float) -> bool:
    return bool(select.select([handle], [], [], seconds)[0])


def _main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them
    compile_all()
    gc.collect()
    gc.freeze()
    handles: list[int] = []
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(order)
        handles.append(os.pidfd_open(pid))
        print(pid, flush=True)
    for handle in handles:  # whoever asked for them has gone
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)


def _live(order: dict[str, Any]) -> None:
    """Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        _settle_in(order["env"], order["log"])
        settings = Settings.load()
        work: Coroutine[Any, Any, None] = (
            launch.serve(settings) if order["what"] == "serve" else launch.work(settings)
        )
        uvloop.run(work)
        code = 0
    except BaseException:
        logging.exception("ended")
    finally:
        logging.shutdown()
        os._exit(code)


def _settle_in(env: dict[str, str], log: str) -> None:
    nothing, out = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.clear()
    os.environ.update(env)


if __name__ == "__main__":
    _main()
