"""A Postgres of the test's own, which may be restarted, killed, frozen and kept away."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from db.embedded.binaries import find_binaries
from db.embedded.place import settle
from db.embedded.server import make_cluster
from tests.embedded import sql
from tests.postgres import Cluster, memory
from tests.processes import free_port, until

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    # Nothing here takes the machine's power away, and a killed process loses nothing that it has written.
    "fsync": "off",
}
_SMALLEST_QUEUE = 64
"Pages of NOTIFY's queue; Postgres allows no fewer. Before 17 there are always 1,048,576 of them."
_HOW = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}


class Server:
    """One server on files of its own, as a child of this process; or a standby of `primary`, which runs."""

    def __init__(self, folder: Path, primary: Server | None = None) -> None:
        self._binaries = find_binaries(folder)
        self._place, self._owner = settle(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.starts = 0
        if primary is None:
            make_cluster(self._place, self._owner, self._binaries.initdb)
        else:
            self._copy(primary)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    @property
    def has_small_queue(self) -> bool:
        """Whether NOTIFY's queue can be filled in a moment."""
        return self._binaries.major >= 17

    def start(self) -> None:
        """Let it accept sessions."""
        until(self._try_to_start)
        self.starts += 1

    def stop(self, how: str = "fast") -> None:
        """`fast` as an operator stops it, `immediate` as in an emergency; `kill`: all its processes."""
        assert self._process is not None
        everybody = self._everybody() if how == "kill" else [psutil.Process(self._process.pid)]
        for process in everybody:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(_HOW[how])
        self._process.wait(60)
        self._process = None

    def restart(self, how: str = "fast") -> None:
        """Stop it and start it again."""
        self.stop(how)
        self.start()

    def caught_up(self, primary: Server) -> bool:
        """Whether a standby has all that its primary has committed."""
        wanted = sql.value(primary.url, "select pg_current_wal_flush_lsn()::text")
        return bool(sql.value(self.url, f"select pg_last_wal_replay_lsn() >= '{wanted}'"))

    def fall_behind(self) -> None:
        """Hear nothing more of the primary, as over a line that is down."""
        sql.value(self.url, "alter system set primary_conninfo = ''")
        sql.value(self.url, "select pg_reload_conf()")
        until(lambda: sql.value(self.url, "select count(*) from pg_stat_wal_receiver") == 0)

    def promote(self) -> None:
        """Be the primary from here on."""
        assert sql.value(self.url, "select pg_promote()")

    def freeze(self) -> None:
        """Stop the clock for all its processes: connections stay, nobody answers."""
        for process in self._everybody():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Go on."""
        for process in self._everybody():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def mend(self) -> None:
        """Whatever a test did: running again."""
        if self._process is None:
            self.start()
        else:
            self.thaw()

    def end(self) -> None:
        """Stop it, and remove its files."""
        if self._process is not None:
            self.thaw()
            self.stop("immediate")
        if self._place.home != self._place.root:
            shutil.rmtree(self._place.home, ignore_errors=True)

    def _copy(self, primary: Server) -> None:
        self._place.data.mkdir(mode=0o700)
        self._owner.give(self._place.data)
        copied = self._owner.run(
            str(self._binaries.folder / "pg_basebackup"),
            *(f"--pgdata={self._place.data}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
            *("--host=127.0.0.1", f"--port={primary.port}", "--username=postgres"),
        )
        assert copied.returncode == 0, copied.stdout

    def _try_to_start(self) -> bool:
        """A killed server's sessions may hold its memory for a moment; then it is tried again."""
        if self._process is None or self._process.poll() is not None:
            (self._place.data / "postmaster.pid").unlink(missing_ok=True)
            self._process = self._launch()
        return sql.answers(self.url)

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = dict(_SETTINGS)
        if self.has_small_queue:
            settings["max_notify_queue_pages"] = str(_SMALLEST_QUEUE)
        options = [f"--{name}={value}" for name, value in settings.items()]
        place = ("-D", str(self._place.data), "-p", str(self.port), "-k", str(self._place.socket))
        return self._owner.launch(self._binaries.postgres, *place, *options, log=self._place.log)

    def _everybody(self) -> list[psutil.Process]:
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        return [postmaster, *postmaster.children(recursive=True)]


@contextmanager
def own_server() -> Iterator[tuple[Server, Cluster]]:
    """A running server, and the databases that can be made on it."""
    with _running() as server:
        cluster = Cluster(server.url)
        cluster.prepare()
        yield server, cluster


@contextmanager
def standby_of(primary: Server) -> Iterator[Server]:
    """A running server that follows another one, asynchronously, and can be promoted."""
    with _running(primary) as standby:
        yield standby


@contextmanager
def _running(primary: Server | None = None) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=memory() or "/tmp"))
    folder.chmod(0o755)  # root lends its Postgres to another user, who must get in
    server = Server(folder, primary)
    try:
        server.start()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder)


def through(dsn: str, port: int) -> str:
    """The same database by another port."""
    head, _, tail = dsn.partition("@127.0.0.1:")
    assert tail
    return f"{head}@127.0.0.1:{port}/{tail.partition('/')[2]}"
