"""An answer while it is being made: passed on in batches, each a row before it is news."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from engine.worker.entry import Entry
from engine.worker.journal import Journal
from engine.worker.scribe import CancelRequested
from errors import LeaseLost, Unavailable
from events.kinds import MessageDelta

BATCH_SECONDS = 0.05
"How long a piece waits at least, for others to go with it."
BATCH_CHARACTERS = 1_024
"So many do not wait."
_BEAT_SECONDS = 0.025
"Batches of many runs fall due together: one transaction, and one hint, does for all of them."


@dataclass(slots=True)
class Speech:
    """What the model of one run says. Offsets count characters (code points) from the start of the message.

    A message that begins anew, in a further try or a further turn, begins at offset 0 again: what was told
    of it before is void. An empty piece at offset 0 says so as soon as the model is asked again.
    """

    journal: Journal
    was_heard: bool = False
    "Whether something of the message was told that counts no more once it begins anew."
    _text: str = ""
    _told: int = 0
    _timer: asyncio.TimerHandle | None = None
    _telling: asyncio.Task[None] | None = field(default=None, repr=False)

    def begin(self, entry: Entry) -> None:
        """The model is asked, once more or for the first time; the entry tells who has heard something."""
        self.close()
        self._text, self._told = "", 0
        if self.was_heard:
            self._talk(entry, "")
            self.was_heard = False

    def say(self, piece: str) -> None:
        """Take up a piece. Never waits."""
        self._text += piece
        if self._telling is not None:
            return  # the next batch goes when this one is written
        if len(self._text) - self._told >= BATCH_CHARACTERS:
            self._tell()
        elif self._timer is None:
            self._timer = _at_next_beat(self._tell)

    async def settle(self, entry: Entry) -> None:
        """What was not told yet goes with this entry, behind all that was."""
        self.close()
        while (telling := self._telling) is not None:
            await asyncio.wait({telling})
        self._put(entry)

    def close(self) -> None:
        """Tell nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self.close()
        self._telling = asyncio.create_task(self._write(), name=f"speech {self.journal.run.id}")

    async def _write(self) -> None:
        entry = self.journal.entry()
        self._put(entry)
        # Whoever may not write any more hears of it with the next word of the run itself.
        with suppress(LeaseLost, CancelRequested, Unavailable):
            await self.journal.write(entry)
        self._telling = None
        if len(self._text) > self._told and self._timer is None:
            self._timer = _at_next_beat(self._tell)

    def _put(self, entry: Entry) -> None:
        if piece := self._text[self._told :]:
            self._talk(entry, piece)
            self._told, self.was_heard = len(self._text), True

    def _talk(self, entry: Entry, piece: str) -> None:
        run, offset = self.journal.run, self._told
        message_id = run.reply_id or run.id
        entry.talk(
            MessageDelta(execution_id=run.id, message_id=message_id, offset=offset, text=piece),
            begins=offset == 0,
        )


def _at_next_beat(call: Callable[[], None]) -> asyncio.TimerHandle:
    """Have it called once a batch has waited, with those of other runs."""
    loop = asyncio.get_running_loop()
    beats = math.ceil((loop.time() + BATCH_SECONDS) / _BEAT_SECONDS)
    return loop.call_at(beats * _BEAT_SECONDS, call)
