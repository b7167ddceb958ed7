"""The process that keeps a private Postgres: it starts the server, starts it again when it dies, and stops it
as soon as nobody uses it, however its users died. It has a session of its own, where no Ctrl-C reaches it.

Run as `python -S -m db.embedded.supervisor` by `start_supervisor`; it needs nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from db.embedded.binaries import Binaries
from db.embedded.lock import Lock, is_held
from db.embedded.owner import EmbeddedPostgresError, Owner
from db.embedded.place import Place
from db.embedded.server import end_server, end_stray, is_occupied, launch_server, make_cluster

_ROOT = Path(__file__).parents[2]
_STABLE_SECONDS = 5
_ATTEMPTS = 3
_ATTEMPTS_WHILE_OCCUPIED = 20  # half a minute


class Supervisor:
    """Keeps one server running until nobody holds the users' lock any more, or SIGTERM ends it."""

    def __init__(self, place: Place, owner: Owner, binaries: Binaries) -> None:
        self._place = place
        self._owner = owner
        self._binaries = binaries
        self._is_over = False
        self._news = threading.Event()

    def run(self) -> None:
        """Return when the server is stopped. Raises EmbeddedPostgresError when it cannot be kept running."""
        signal.signal(signal.SIGTERM, lambda _signal, _frame: self._end())
        threading.Thread(target=self._await_disuse, daemon=True).start()
        make_cluster(self._place, self._owner, self._binaries.initdb)
        self._keep()

    def _keep(self) -> None:
        failures = 0
        while not self._is_over:
            started = time.monotonic()
            code = self._serve()
            has_failed = code > 0 and time.monotonic() - started < _STABLE_SECONDS  # and was not killed
            failures = failures + 1 if has_failed else 0
            self._pause(failures)

    def _serve(self) -> int:
        self._news.clear()
        server = launch_server(self._place, self._owner, self._binaries.postgres)
        threading.Thread(target=self._await_death, args=(server,), daemon=True).start()
        if not self._is_over:
            self._news.wait()
        if server.poll() is None:
            end_server(server)
        return server.wait()

    def _pause(self, failures: int) -> None:
        if failures >= (_ATTEMPTS_WHILE_OCCUPIED if is_occupied(self._place) else _ATTEMPTS):
            raise EmbeddedPostgresError("Postgres ends as soon as it is started.")
        self._news.clear()
        if not self._is_over:
            self._news.wait(min(0.01 * 2**failures, 2))

    def _await_death(self, server: subprocess.Popen[bytes]) -> None:
        server.wait()
        self._news.set()

    def _await_disuse(self) -> None:
        # Never let go of: who arrives from now on waits until this process is gone, then starts another.
        Lock(self._place.users).take()
        self._end()

    def _end(self) -> None:
        self._is_over = True
        self._news.set()


def start_supervisor(place: Place, owner: Owner, binaries: Binaries) -> None:
    """See to it that a supervisor lives, unless it is killed at once. Raises EmbeddedPostgresError."""
    if is_held(place.supervisor):
        return
    place.failure.unlink(missing_ok=True)
    spawned = subprocess.run(  # noqa: S603 - ourselves
        (sys.executable, "-S", "-m", "db.embedded.supervisor", *_arguments(place, owner, binaries)),
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONSAFEPATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if spawned.returncode > 0:
        raise EmbeddedPostgresError(f"The supervisor of Postgres does not start: {spawned.stderr.strip()}")


def _arguments(place: Place, owner: Owner, binaries: Binaries) -> tuple[str, ...]:
    paths = (place.root, place.home, place.socket, binaries.folder)
    return (*map(str, paths), str(binaries.major), str(owner.uid), str(owner.gid))


def _main() -> None:
    root, home, socket, folder = map(Path, sys.argv[1:5])
    major, uid, gid = map(int, sys.argv[5:8])
    place = Place(root, home, socket)
    # Held until the process is gone. What was opened first is let go of first: nobody may find the users'
    # lock free, and this one still held by the dead.
    if not Lock(place.supervisor).try_take():
        return
    # Before anybody is told that we are there, who might take its answers for those of the server to come.
    end_stray(place)
    if os.fork() != 0:
        return  # with the lock passed on: who started us need not reap anybody
    _detach(place.log)
    try:
        Supervisor(place, Owner(uid, gid), Binaries(folder, major)).run()
    except (EmbeddedPostgresError, OSError) as error:
        place.failure.write_text(str(error), encoding="utf-8", errors="surrogateescape")


def _detach(log: Path) -> None:
    with log.open("ab") as out, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)


if __name__ == "__main__":
    _main()
