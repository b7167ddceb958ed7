"""`python -m tests.nurse FD`: imports everything, then makes the children that this socket asks for."""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import cli
import mcp_server.door  # noqa: F401 - what a server would import itself
from engine.language import compile_all

_LONGEST = 1 << 20
"Bytes of an order."


class Nurse:
    """Who was born and lives, and the pipe to write each one's exit code to."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._ends: dict[int, int] = {}
        self._death, told = os.pipe()
        os.set_blocking(told, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(told)

    def carry_out(self) -> dict[str, Any] | None:
        """Make children until whoever asks for them has gone. In each child: return its order."""
        while True:
            ready, _, _ = select.select([self._door, self._death], [], [])
            if self._death in ready:
                os.read(self._death, 4_096)
                self._reap()
            if self._door in ready:
                data, handles, _, _ = socket.recv_fds(self._door, _LONGEST, 4)
                if not data:
                    return self._end()
                if (pid := os.fork()) == 0:
                    return self._born(json.loads(data), handles)
                self._enter(pid, handles)

    def _born(self, order: dict[str, Any], handles: list[int]) -> dict[str, Any]:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for stream in range(3):
            os.dup2(handles[stream], stream)
        self._door.detach()
        os.closerange(3, 65_536)
        os.environ.clear()
        os.environ.update(order["env"])
        return order

    def _enter(self, pid: int, handles: list[int]) -> None:
        *streams, self._ends[pid] = handles
        for stream in streams:
            os.close(stream)
        self._door.send(str(pid).encode())

    def _reap(self) -> None:
        for pid in list(self._ends):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                end = self._ends.pop(pid)
                with suppress(BrokenPipeError):
                    os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
                os.close(end)

    def _end(self) -> None:
        for pid in self._ends:  # not reaped, so the number is still its own
            os.kill(pid, signal.SIGKILL)


def _main() -> None:
    compile_all()
    gc.collect()
    gc.freeze()
    order = Nurse(socket.socket(fileno=int(sys.argv[1]))).carry_out()
    if order is not None:
        sys.argv[1:] = order["arguments"]
        cli.main()


if __name__ == "__main__":
    _main()
