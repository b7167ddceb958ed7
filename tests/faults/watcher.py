"""Somebody who watches a run by the documented rule: come back with the cursor until the end is TERMINAL."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.client import Stream

STREAM = """
subscription ($id: ID!, $after: String) {
  executionStream(id: $id, after: $after) {
    __typename
    ... on Resumable { cursor }
    ... on EventBatch { continuesFrom events { seq __typename ... on ExecutionStatusChanged { status } } }
    ... on StreamClosed { reason }
  }
}"""
_CUT = (OSError, EOFError, TimeoutError, WebSocketException)


class Watcher:
    """What one person has seen of one run. Each frame is checked as it comes: every prefix must be right."""

    def __init__(self, addresses: Callable[[], str], token: str, run_id: str, silence: float = 8) -> None:
        self._addresses, self._token, self._run_id, self._silence = addresses, token, run_id, silence
        self.seen = 0
        "The seq of the newest event; all before it were seen, each once."
        self.cursor: str | None = None
        self.status: str | None = None
        self.frames: Counter[str] = Counter()
        self.visits = 0
        self.closes: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()

    async def watch(self) -> Watcher:
        """Until the end."""
        while self.closes["TERMINAL"] == 0:
            self.visits += 1
            try:
                await self._visit(self._addresses())
            except _CUT as error:
                self.troubles[repr(error)[:90]] += 1
                await asyncio.sleep(0.02)
        return self

    async def _visit(self, address: str) -> None:
        url = address.replace("http", "ws", 1) + "/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(
            url, subprotocols=protocols, compression=None, open_timeout=5, close_timeout=1
        ) as socket:
            async with asyncio.timeout(self._silence):
                await socket.send(_message("connection_init", {"authorization": f"Bearer {self._token}"}))
                if json.loads(await socket.recv())["type"] != "connection_ack":
                    return
                variables = {"id": self._run_id, "after": self.cursor}
                await socket.send(_message("subscribe", {"query": STREAM, "variables": variables}, "1"))
            await self._take_all(Stream(socket))

    async def _take_all(self, stream: Stream) -> None:
        is_first = True
        while True:
            try:
                async with asyncio.timeout(self._silence):
                    frame = await anext(stream)
            except StopAsyncIteration:
                return
            assert (frame["__typename"] == "StreamOpened") is is_first, frame
            is_first = False
            self.take(frame)

    def take(self, frame: dict[str, Any]) -> None:
        """Check a frame against what was seen, and keep its cursor."""
        kind = frame["__typename"]
        self.frames[kind] += 1
        assert self.closes["TERMINAL"] == 0, "something after the end"
        assert frame.get("continuesFrom", self.cursor) == self.cursor, "a batch that does not continue"
        assert kind == "EventBatch" or self.cursor in {None, frame["cursor"]}, "a cursor that jumps"
        for event in frame.get("events", ()):
            assert event["seq"] == self.seen + 1, f"after {self.seen} came {event['seq']}"
            self.seen = event["seq"]
            self.status = event.get("status", self.status)
        if kind == "StreamClosed":
            self.closes[frame["reason"]] += 1
        self.cursor = frame["cursor"]


def _message(kind: str, payload: dict[str, Any], name: str | None = None) -> str:
    return json.dumps({"type": kind, "payload": payload} | ({"id": name} if name else {}))
