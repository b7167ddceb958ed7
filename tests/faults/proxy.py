"""A TCP road that can be cut, jammed, slowed and watched. It runs in a thread: any test can steer it."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.faults.wire import Dialogue, Message, Way

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends RST, and throws away what was not sent


@dataclass
class Weather:
    """How the road is just now."""

    delay: float = 0
    "Seconds that each piece takes longer."
    rate: float = 0
    "Bytes a second of each direction of each connection; 0: as fast as it goes."
    slice: int = 0
    "At most so many bytes at a time; 0: as they come."
    silent: set[Way] = field(default_factory=set[Way])
    "Ways on which nothing arrives and nobody is told. Nothing is lost: TCP would repeat it."


class Ambush:
    """Waits on a Postgres road for a scene, its lines one after another, and then does `act`.

    A line is a pattern of `to the server: B insert into …`; a scene is played on one connection. Only those
    whose name is `client` are looked at; `seen` counts their messages. The message of the last line never
    arrives and its connection is as good as dead, unless the ambush is `merciful`.
    """

    def __init__(
        self, scene: Iterable[str], act: Callable[[Road], None], *, client: str, merciful: bool = False
    ) -> None:
        self._scene = [re.compile(line, re.DOTALL) for line in scene]
        self._act, self._client, self.merciful = act, client, merciful
        self._played: Counter[Road] = Counter()
        self.seen = 0
        self.sprung = threading.Event()
        self.caught: Message | None = None
        "The message that did not arrive."

    def meets(self, message: Message, road: Road) -> bool:
        """Whether this message is the end of the scene."""
        if self.sprung.is_set() or self._client != message.client:
            return False
        self.seen += 1
        self._played[road] += bool(self._scene[self._played[road]].search(str(message)))
        return self._played[road] == len(self._scene)

    def spring(self, message: Message, road: Road) -> None:
        """Do it."""
        self.caught = message
        self._act(road)
        self.sprung.set()


class Count(Ambush):
    """At the message of this number, counted from 1, that goes this way, on whichever connection."""

    def __init__(self, number: int, way: Way, act: Callable[[Road], None], *, client: str) -> None:
        super().__init__([], act, client=client)
        self._number, self._way = number, way

    def meets(self, message: Message, road: Road) -> bool:
        """Whether this is it."""
        if self.sprung.is_set() or self._client != message.client or message.way is not self._way:
            return False
        self.seen += 1
        return self.seen == self._number


class Road:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._proxy, self._ends = proxy, (near, far)
        self._dialogue = Dialogue()
        self._budget = proxy.budget() if proxy.budget else 0

    def cut(self) -> None:
        """Reset both ends."""
        for end in self._ends:
            with suppress(OSError):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()

    def hang_up(self) -> None:
        """Close both ends, as in good order."""
        for end in self._ends:
            end.close()

    async def carry(self, way: Way, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(self._proxy.weather.slice or 65_536):
                for piece in self._pieces(way, data):
                    await self._travel(way, len(piece))
                    target.write(piece)
                await target.drain()
        with suppress(OSError, RuntimeError):
            target.close()

    def _pieces(self, way: Way, data: bytes) -> Iterator[bytes]:
        if self._budget:
            data = data[: self._budget]
            self._budget -= len(data)
            yield data
            if not self._budget:
                self._proxy.cuts += 1
                self.cut()
                raise ConnectionResetError
        elif self._proxy.speaks_postgres:
            yield from self._messages(way, data)
        else:
            yield data

    def _messages(self, way: Way, data: bytes) -> Iterator[bytes]:
        passed = b""
        for message in self._dialogue.feed(way, data):
            self._proxy.passed += 1
            ambush = self._proxy.ambush
            if ambush is not None and ambush.meets(message, self):
                yield passed
                passed = b""
                ambush.spring(message, self)
                if not ambush.merciful:
                    raise ConnectionResetError
            passed += message.data
        if passed:
            yield passed

    async def _travel(self, way: Way, length: int) -> None:
        weather = self._proxy.weather
        if weather.delay:
            await asyncio.sleep(weather.delay)
        if weather.rate:
            await asyncio.sleep(length / weather.rate)
        while way in self._proxy.weather.silent:
            self._proxy.cleared.clear()
            await self._proxy.cleared.wait()


class Proxy:
    """Listens on `port` and passes on to `target`. Its methods may be called from any thread."""

    def __init__(self, target: Callable[[], tuple[str, int]], *, speaks_postgres: bool = False) -> None:
        self._target, self.speaks_postgres = target, speaks_postgres
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._roads: set[Road] = set()
        self.cleared = asyncio.Event()
        self.weather = Weather()
        self.budget: Callable[[], int] | None = None
        "How many bytes each new connection lives for, both ways together."
        self.cuts = 0
        "Connections that came to the end of their budget."
        self.passed = 0
        "Messages of Postgres that went by."
        self.ambush: Ambush | None = None
        "Who waits on this road, where it is one to Postgres."
        self.port = 0

    def open(self) -> None:
        """Accept connections, at the same port as before."""
        if not self._thread.is_alive():
            self._thread.start()
        self._run(self._listen())

    def refuse(self) -> None:
        """Accept no more connections; those that are there go on."""
        self._run(self._deafen())

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        return self._all(Road.cut)

    def hang_up(self) -> int:
        """Close every connection in good order; how many there were."""
        return self._all(Road.hang_up)

    def fall_silent(self, *ways: Way) -> None:
        """Nothing arrives any more, and nobody is told."""
        self.weather.silent |= set(ways or Way)

    def heal(self) -> None:
        """Fair weather; what was held back arrives."""
        self.weather = Weather()
        self._loop.call_soon_threadsafe(self.cleared.set)

    def close(self) -> None:
        """Refuse, cut, and end."""
        self.refuse()
        self.cut()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Proxy:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond, onward = await asyncio.open_connection(*self._target())
        except OSError:
            writer.transport.abort()
            return
        road = Road(self, writer, onward)
        self._roads.add(road)
        try:
            await asyncio.gather(road.carry(Way.UP, reader, onward), road.carry(Way.DOWN, beyond, writer))
        finally:
            self._roads.discard(road)

    def _all(self, act: Callable[[Road], None]) -> int:
        async def work() -> int:
            roads = list(self._roads)
            for road in roads:
                act(road)
            return len(roads)

        return self._run(work())

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@contextmanager
def road_to(port: int, *, speaks_postgres: bool = False) -> Iterator[Proxy]:
    """A proxy before a port of this machine."""
    with Proxy(lambda: ("127.0.0.1", port), speaks_postgres=speaks_postgres) as proxy:
        yield proxy


def short_lives(seed: int, least: int, most: int) -> Callable[[], int]:
    """A budget for each connection, drawn anew."""
    dice = random.Random(seed)
    return lambda: dice.randint(least, most)
