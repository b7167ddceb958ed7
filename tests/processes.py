"""Real servers and workers for acceptance tests: processes that can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import httpx2

from auth import Tokens
from db.connection import Database
from resolvers.users import ensure_user
from settings import Settings
from tests.nursery import Child, nursery

ROOT = Path(__file__).parent.parent
SECRET = "a secret that only the tests know, of 32 bytes or more"
_DEADLINE = 90.0


class Process:
    """One `baton` process and its output."""

    def __init__(
        self,
        *arguments: str,
        env: dict[str, str],
        log: Path,
        own_group: bool = False,
        root: Path | None = None,
    ) -> None:
        self._log = log
        with log.open("ab") as output, open(os.devnull, "rb") as nothing:
            streams = nothing.fileno(), output.fileno(), output.fileno()
            self._process = begin(arguments, env, streams, own_group=own_group, root=root)

    @property
    def pid(self) -> int:
        return self._process.pid

    def output(self) -> str:
        return self._log.read_text()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: int) -> None:
        """A signal; nothing happens where it has ended."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait(_DEADLINE)

    def wait(self) -> int:
        """Its exit code, once it has ended by itself."""
        return self._process.wait(_DEADLINE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        self.send(number)
        return self.wait()


def begin(
    arguments: Sequence[str],
    env: Mapping[str, str],
    streams: Sequence[int],
    *,
    own_group: bool = False,
    root: Path | None = None,
) -> Child | subprocess.Popen[bytes]:
    """A `baton` process: a child of the nursery, or `python -m cli` where a fork would not do."""
    if not (own_group or root or _comes_before_us(env)):
        return nursery().bear(arguments, env, streams)
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        cwd=root or ROOT,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        process_group=0 if own_group else None,
    )


def _comes_before_us(env: Mapping[str, str]) -> bool:
    """Whether it tells the loader or Python something else than ours: they listen once."""
    differs = {*env.items()} ^ {*os.environ.items()}
    return any(name.startswith(("LD_", "PYTHON", "LC_")) for name, _ in differs)


def baton(*arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end, told what is typed; in and out of it goes UTF-8."""
    with ExitStack() as stack:
        files = stdin, *outputs = [stack.enter_context(TemporaryFile()) for _ in range(3)]
        stdin.write(typed.encode())
        stdin.seek(0)
        process = begin(arguments, {**os.environ, **environment}, [file.fileno() for file in files])
        stack.callback(process.kill)
        code = process.wait(_DEADLINE)
        for output in outputs:
            output.seek(0)
        return subprocess.CompletedProcess(arguments, code, *(output.read().decode() for output in outputs))


class House:
    """Servers and workers on one database; `root` holds their code, where it is not this one."""

    _root: Path | None = None

    def __init__(
        self, dsn: str, folder: Path, stack: ExitStack, root: Path | None = None, **settings: str
    ) -> None:
        self.dsn, self._folder, self._stack = dsn, folder, stack
        self._root = root
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BATON_")},
            "DATABASE_URL": dsn,
            "BATON_DATA_DIR": str(folder),
            "BATON_JWT_SECRET": SECRET,
            "BATON_COST_PER_MINUTE": "2000000000",
            "BATON_ANONYMOUS_COST_PER_MINUTE": "2000000000",
            "BATON_SIGN_INS_PER_MINUTE": "0",
            **settings,
        }
        self.servers: list[str] = []
        self.processes: list[Process] = []

    def start_server(self, verb: str = "serve", **settings: str) -> Process:
        """A server that is ready, with settings of its own; its address is the last of `servers`."""
        (process,) = self.start_servers(1, verb, **settings)
        return process

    def start_servers(self, count: int, verb: str = "serve", **settings: str) -> list[Process]:
        """So many, side by side; all of them are ready."""
        addresses = [f"http://127.0.0.1:{free_port()}" for _ in range(count)]
        started = [self.start(verb, "--port", one.rpartition(":")[2], **settings) for one in addresses]
        for address, process in zip(addresses, started, strict=True):
            until(partial(_is_ready, address), process)
        self.servers += addresses
        return started

    def http(self, server: int = 0) -> httpx2.AsyncClient:
        """A client of one of the servers, patient enough for what waits by contract."""
        return httpx2.AsyncClient(base_url=self.servers[server], timeout=40)

    def start_worker(self, **settings: str) -> Process:
        return self.start("worker", **settings)

    def start(self, *arguments: str, **settings: str) -> Process:
        """A `baton` command on this database."""
        log = self._folder / f"{arguments[0]}-{len(self.processes)}.log"
        process = Process(*arguments, env={**self._env, **settings}, log=log, root=self._root)
        self.processes.append(process)
        self._stack.callback(process.kill)
        return process

    def token(self, email: str = "ada@example.com", seconds: int = 3_600) -> str:
        """A token of this user's, who is made where there is none."""
        return asyncio.run(self._token(email, seconds))

    async def _token(self, email: str, seconds: int) -> str:
        db = Database(self.dsn, size=1, name="test token")
        await db.open()
        try:
            user = await ensure_user(db, email)
        finally:
            await db.close()
        return Tokens(Settings(), SECRET.encode()).issue(user.id, seconds=seconds)[0]


@contextmanager
def open_house(dsn: str, folder: Path, servers: int, workers: int, **settings: str) -> Iterator[House]:
    """So many servers and workers, killed at the end."""
    with ExitStack() as stack:
        started = House(dsn, folder, stack, **settings)
        for _ in range(workers):
            started.start_worker()
        started.start_servers(servers)
        yield started


def until(condition: Callable[[], bool], process: Process | None = None, seconds: float = _DEADLINE) -> None:
    """Wait for the real condition; fail with the process's output when it ends or the time is up."""
    end = time.monotonic() + seconds
    while not condition():
        is_dead = process is not None and not process.is_running()
        if is_dead or time.monotonic() > end:
            raise AssertionError(process.output() if process else "the condition never came true")
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_ready(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/health/ready", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
