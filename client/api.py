"""The API as a program uses it: questions that are asked again after a cut, and streams that resume."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from client.socket import Cut, GraphQLErrors, Message, Socket, opened
from errors import BatonError, Unavailable

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


class Problem(BatonError):
    """The server understood and did not do it."""

    def __init__(self, answer: Message) -> None:
        issues: list[Message] = answer.get("issues") or []
        super().__init__(" ".join(issue["message"] for issue in issues) or answer["message"])
        self.reason = str(answer["code"])
        "The problem's code, as the API names it."


@dataclass(slots=True)
class Pauses:
    """How long to wait before each try, and when to give up."""

    patience: float
    "Seconds without a connection after which nothing more is tried."
    _next: float = field(default=_FIRST_PAUSE, init=False)
    _since: float | None = field(default=None, init=False)

    def connected(self) -> None:
        """The next cut is a first one again."""
        self._next, self._since = _FIRST_PAUSE, None

    async def wait(self, cut: Cut) -> None:
        """Sleep a little longer each time. Raises Unavailable when patience is at its end."""
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        if now - self._since >= self.patience:
            raise Unavailable(f"The server cannot be reached: {cut}".rstrip(": ")) from cut
        await asyncio.sleep(self._next)
        self._next = min(self._next * 2, _LONGEST_PAUSE)


class Api:
    """One server, or several behind one address, and who asks."""

    def __init__(self, url: str, token: str, *, patience: float = 60) -> None:
        self._url, self._token, self._patience = url, token, patience

    async def ask(self, document: str, **variables: Any) -> Any:
        """The value of the operation's one root field. Sent again after a cut: a mutation needs a key.

        Raises GraphQLErrors, Problem for a union's member that is one (ask for `... on UserError { code
        message }`), Refused, and Unavailable when no server was there for `patience` seconds.
        """
        pauses = Pauses(self._patience)
        while True:
            try:
                async with opened(self._url, self._token) as socket:
                    return _value(await _first(socket, document, variables))
            except Cut as cut:
                await pauses.wait(cut)

    async def follow(self, document: str, **variables: Any) -> AsyncGenerator[Message]:
        """The frames of a stream to its end, each event once, whatever happens to connections meanwhile.

        The document's root field takes `after: $after` and asks for `__typename` and `... on Resumable {
        cursor }`. A stream that is closed for another reason than TERMINAL goes on from its cursor.
        """
        pauses = Pauses(self._patience)
        while True:
            try:
                async with opened(self._url, self._token) as socket:
                    pauses.connected()
                    async with aclosing(socket.results(document, variables)) as results:
                        async for result in results:
                            frame = _value(result)
                            variables["after"] = frame["cursor"]
                            yield frame
                            if _is_last(frame):
                                return
                raise Cut("the stream was closed")
            except Cut as cut:
                await pauses.wait(cut)


def _is_last(frame: Message) -> bool:
    return frame["__typename"] == "StreamClosed" and frame["reason"] == "TERMINAL"


async def _first(socket: Socket, document: str, variables: Message) -> Message:
    async with aclosing(socket.results(document, variables)) as results:
        async for result in results:
            return result
    raise Cut("no answer came")


def _value(result: Message) -> Any:
    if result.get("errors"):
        raise GraphQLErrors(result["errors"])
    (value,) = result["data"].values()
    if _is_problem(value):
        raise Problem(value)
    return value


def _is_problem(value: object) -> TypeGuard[Message]:
    return isinstance(value, dict) and {"code", "message"} <= value.keys()
