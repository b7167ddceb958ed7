"""Starting a run and watching it to its end, as a person or a script at a terminal does."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from typing import Any
from uuid import uuid4

from client.answering import Answering
from client.api import Api
from client.display import Display
from client.documents import RUN, START, WATCH
from client.keyboard import Keyboard
from client.run import Run
from client.socket import Message
from errors import NotFound

EXIT_CODES = {"COMPLETED": 0, "FAILED": 1, "CANCELLED": 3}
"By how a run ended; 2 is a misuse of the command."


async def start(api: Api, text: str, **fields: Any) -> str:
    """The id of a run of this. Asked again after a cut, it is still one run."""
    answer = await api.ask(START, input={"input": text, "idempotencyKey": str(uuid4()), **fields})
    return answer["execution"]["id"]


async def watch(api: Api, execution_id: str, display: Display, keyboard: Keyboard | None) -> Message:
    """Show a run from its first event to its end; answers it as it ended. Raises NotFound.

    What it asks meanwhile is asked at the keyboard, where there is one.
    """
    run = Run(execution_id)
    async with aclosing(api.follow(WATCH, id=execution_id)) as frames, AsyncExitStack() as stack:
        answering = keyboard and await stack.enter_async_context(Answering(api, keyboard, display.aside))
        async for frame in frames:
            display.show(run, run.take(frame))
            if answering is not None:
                await answering.look(execution_id, run.status)
    ended = await api.ask(RUN, id=execution_id)
    if ended is None:
        raise NotFound
    return ended
