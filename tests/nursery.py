"""The `baton` command at the price of a fork: children of a process that has imported everything.

A child does what `python -m cli` does once it has imported the same, with arguments, environment, streams,
signals and an exit code of its own (`tests.nurse`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parent.parent


class Child:
    """A process, to be used like `subprocess.Popen`. It is the nursery that reaps it."""

    def __init__(self, pid: int, end: int) -> None:
        self.pid, self._end = pid, end
        self._code: int | None = None
        self._reading = threading.Lock()
        weakref.finalize(self, os.close, end)

    def poll(self) -> int | None:
        """Its exit code, where it has ended; minus the signal that ended it."""
        with self._reading:
            if self._code is None and _is_readable(self._end, 0):
                self._code = int(os.read(self._end, 16))
            return self._code

    def wait(self, timeout: float) -> int:
        """Its exit code, once it has ended. Raises TimeoutExpired after so many seconds."""
        if self._code is None:
            _is_readable(self._end, timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens where it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that makes children, and the way to ask it. They end with it, and it with us."""

    def __init__(self) -> None:
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asking = threading.Lock()
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-m", "tests.nurse", str(number)]
            self._process = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[number]
            )

    def bear(self, arguments: Sequence[str], env: Mapping[str, str], streams: Sequence[int]) -> Child:
        """A child with these arguments and environment, whose standard streams are these three."""
        order = json.dumps({"arguments": list(arguments), "env": dict(env)}).encode()
        mine, its = os.pipe()
        try:
            with self._asking:
                socket.send_fds(self._door, [order], [*streams, its])
                return Child(int(self._door.recv(16)), mine)
        finally:
            os.close(its)


@cache
def nursery() -> Nursery:
    """The one of this process."""
    return Nursery()


def _is_readable(end: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(end, select.POLLIN)
    return bool(poll.poll(seconds * 1_000))
