"""What is typed, a line at a time, while other things go on."""

from __future__ import annotations

import asyncio
import sys
from threading import Thread


class Keyboard:
    """Standard input. A line that nobody waits for any more is there for who asks next.

    It is read in a thread that no process waits for at its end.
    """

    def __init__(self) -> None:
        self._reading: asyncio.Future[str] | None = None

    async def line(self, prompt: str) -> str | None:
        """The next line; None where there is no more. Where somebody sits there, they see the prompt."""
        if sys.stdin.isatty():
            print(prompt, end="", file=sys.stderr, flush=True)  # noqa: T201 - the prompt of a terminal
        if self._reading is None:
            self._reading = _read()
        text = await asyncio.shield(self._reading)
        if text:
            self._reading = None
        return text.rstrip("\r\n") if text else None


def _read() -> asyncio.Future[str]:
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        text = sys.stdin.readline()
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: line.done() or line.set_result(text))

    Thread(target=read, name="keyboard", daemon=True).start()
    return line
