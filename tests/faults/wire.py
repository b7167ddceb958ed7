"""Postgres' wire protocol, as far as it takes to know where a message ends and what it is about.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Way(Enum):
    """Which way a message goes."""

    UP = "to the server"
    DOWN = "to the client"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one connection."""

    way: Way
    kind: str
    "Its type byte; `startup` for the first of a client."
    text: str
    "The statement and its parameters of what goes up, the rest as it stands."
    data: bytes
    client: str
    "The application name that the connection gave."

    def __str__(self) -> str:
        return f"{self.way.value}: {self.kind} {' '.join(self.text.split())}"


class Dialogue:
    """Both directions of one connection, cut into messages."""

    def __init__(self) -> None:
        self.client = ""
        self._rest = {Way.UP: b"", Way.DOWN: b""}
        self._greeted = False
        self._statements: dict[bytes, str] = {}

    def feed(self, way: Way, data: bytes) -> Iterator[Message]:
        """The messages that these bytes complete."""
        self._rest[way] += data
        while (whole := self._take(way)) is not None:
            yield self._read(way, whole)

    def _take(self, way: Way) -> bytes | None:
        rest = self._rest[way]
        head = 1 if self._greeted or way is Way.DOWN else 0
        if len(rest) < head + 4:
            return None
        length = head + struct.unpack_from("!i", rest, head)[0]
        if len(rest) < length:
            return None
        self._rest[way] = rest[length:]
        return rest[:length]

    def _read(self, way: Way, whole: bytes) -> Message:
        if way is Way.UP and not self._greeted:
            self._greeted = True
            fields = whole[8:].split(b"\0")
            told = dict(zip(fields[::2], fields[1::2], strict=False))
            self.client = told.get(b"application_name", b"").decode()
            return Message(way, "startup", "", whole, self.client)
        kind = whole[:1].decode("latin-1")
        return Message(way, kind, self._text(way, kind, whole[5:]), whole, self.client)

    def _text(self, way: Way, kind: str, body: bytes) -> str:
        if way is Way.UP and kind == "P":
            name, statement, _ = body.split(b"\0", 2)
            self._statements[name] = statement.decode()
            return self._statements[name]
        if way is Way.UP and kind == "B":
            _, name, parameters = body.split(b"\0", 2)
            return f"{self._statements.get(name, '')} {parameters.decode('latin-1')}"
        return body.decode("latin-1")
