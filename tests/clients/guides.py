"""The pages of docs/guides as programs: each block of code that names its file, on a road that is cut."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.clients import node

GUIDES = node.ROOT / "docs" / "guides"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?: file=(?P<file>\S+))?\n(?P<text>.*?)^```$", re.M | re.S)
_SECONDS = 60


class Guide:
    """A page, its files in a folder where they find the packages of this project."""

    def __init__(self, name: str, folder: Path, server: str, token: str) -> None:
        self.text = (GUIDES / f"{name}.md").read_text()
        self.folder = folder
        blocks = [block.groupdict() for block in _BLOCK.finditer(self.text)]
        self.commands = [
            line for one in blocks if one["language"] == "sh" for line in one["text"].splitlines()
        ]
        self.unnamed = [one for one in blocks if one["language"] != "sh" and not one["file"]]
        "Blocks of code that nothing here can run."
        self.left = {str(one["file"]) for one in blocks if one["file"]}
        "Files that were not used yet."
        for block in blocks:
            if block["file"]:
                text = block["text"].replace("http://127.0.0.1:8000", server)
                (folder / block["file"]).write_text(text.replace("Bearer …", f"Bearer {token}"))

    def run(self, *command: str) -> list[str]:
        """The lines that the command prints; it ends well."""
        env = {**os.environ, "GIT_DIR": os.devnull}  # Relay's compiler stages what it writes
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=_SECONDS
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout.splitlines()

    def use(self, *files: str) -> None:
        """They are part of what is run."""
        self.left -= {*files}

    def javascript(self, file: str) -> list[Any]:
        """What the module prints, in a Node that has what browsers have: a JSON value a line."""
        self.use(file)
        return [json.loads(line) for line in self.run("node", "--import", "../browser.mjs", file)]


@contextmanager
def written(name: str, server: str, token: str) -> Iterator[Guide]:
    """The guide's files, as long as the block; all of its code was run in it."""
    folder = node.HERE / f".guide-{name}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        guide = Guide(name, folder, server, token)
        yield guide
        assert (guide.left, guide.unnamed) == (set(), []), "code of the guide that no test ran"
    finally:
        shutil.rmtree(folder)


class Road:
    """A TCP proxy before a server that cuts streams in the midst of what the server says."""

    def __init__(self, server: str, cuts: int, after: int) -> None:
        self._to, self._cuts, self._after = urlsplit(server), cuts, after
        self._loop = asyncio.new_event_loop()
        self.cuts = 0
        "How many streams were cut."

    @contextmanager
    def open(self) -> Iterator[str]:
        """The road's address. It runs in a thread, as the test waits for a process."""
        listening = self._loop.run_until_complete(asyncio.start_server(self._carry, "127.0.0.1", 0))
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.run_until_complete(self._close(listening))
            self._loop.close()

    async def _close(self, listening: asyncio.Server) -> None:
        listening.close()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carrying:
            task.cancel()
        await asyncio.wait(carrying) if carrying else None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(self._to.hostname, self._to.port)
        head = await reader.read(65_536)
        there.write(head)
        is_stream = re.search(rb"upgrade: websocket|accept: text/event-stream", head, re.I) is not None
        patience = self._after if is_stream and self.cuts < self._cuts else None
        with suppress(ConnectionError):
            ways = [
                asyncio.ensure_future(_pump(reader, there, None)),
                asyncio.ensure_future(_pump(there_reader, writer, patience)),
            ]
            try:
                done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                self.cuts += any(way.result() for way in done)
            finally:
                for way in ways:
                    way.cancel()
                for end in (writer, there):
                    end.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: int | None) -> bool:
    """Carry on to the end, or so many bytes: then True."""
    carried = 0
    while data := await reader.read(65_536):
        carried += len(data)
        writer.write(data if patience is None else data[: max(0, patience - carried + len(data))])
        await writer.drain()
        if patience is not None and carried >= patience:
            return True
    return False
