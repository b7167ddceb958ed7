"""One Postgres server on a cluster's files: make the files, start it, stop it, clear what a dead one left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from db.embedded.owner import EmbeddedPostgresError, Owner
from db.embedded.place import Place

SETTINGS = {
    "listen_addresses": "",  # no network: whoever may enter the socket's folder is trusted, nobody else
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_LOCALES = (
    # Plain C would break lower(), ILIKE and trigrams beyond ASCII.
    ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"),  # Postgres 17 and newer
    ("--locale=C.UTF-8",),
    ("--locale=en_US.UTF-8",),  # macOS before 14
)
_LONGEST_LOG = 5_000_000
_SHOWN_OF_LOG = 2_000
# How a server is asked to end, and how many seconds it gets before it is asked less politely.
_WAYS_TO_END = ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))


def answers(place: Place) -> bool:
    """Whether a session can be opened: not merely a pid, a file or a listening socket."""
    hello = struct.pack("!ii", 0, 196_608) + b"user\0postgres\0database\0postgres\0\0"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(place.socket_file))
            client.sendall(struct.pack("!i", len(hello)) + hello[4:])
            ready = client.recv(1) == b"R"
            client.sendall(b"X\0\0\0\4")
        except OSError:
            return False
    return ready


def make_cluster(place: Place, owner: Owner, initdb: str) -> None:
    """Make the cluster's files where there are none, all or nothing. Raises EmbeddedPostgresError."""
    for draft in place.home.glob("draft-*"):
        shutil.rmtree(draft, ignore_errors=True)  # of somebody who was killed over it, perhaps still at work
    if place.data.exists():
        return
    said = ""
    for locale in _LOCALES:
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=place.home))
        owner.give(draft)
        made = owner.run(
            initdb, f"--pgdata={draft}", *locale, "-U", "postgres", "--auth=trust", "--encoding=UTF8"
        )
        if made.returncode == 0:
            draft.rename(place.data)
            return
        shutil.rmtree(draft)
        said = made.stdout
    raise EmbeddedPostgresError(f"initdb failed: {said.strip()}")


def launch_server(place: Place, owner: Owner, postgres: str) -> subprocess.Popen[bytes]:
    """Start the server as a child of this process."""
    _clear(place)
    settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
    # The data folder stands first: `_postmaster` recognises a server by it.
    return owner.launch(
        postgres, "-D", str(place.data), "-p", "5432", "-k", str(place.socket), *settings, log=place.log
    )


def is_occupied(place: Place) -> bool:
    """Whether the server ended because sessions of a killed one still use the files, as they may a while."""
    return "pre-existing shared memory block" in end_of_log(place)


def end_of_log(place: Place) -> str:
    return place.log.read_text(encoding="utf-8", errors="replace")[-_SHOWN_OF_LOG:].strip()


def end_stray(place: Place) -> None:
    """Stop a server that outlived its supervisor: nobody would reap it, restart it or stop it."""
    for how, seconds in _WAYS_TO_END:
        pid = _postmaster(place)
        if pid is None:
            return
        os.kill(pid, how)
        _await_end(place, seconds)


def end_server(server: subprocess.Popen[bytes]) -> None:
    """Stop our child: sessions are broken off, what was committed is flushed."""
    for how, seconds in _WAYS_TO_END:
        server.send_signal(how)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def _await_end(place: Place, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _postmaster(place) is not None and time.monotonic() < deadline:
        time.sleep(0.02)


def _clear(place: Place) -> None:
    """Remove what a killed server left: its number may be another process's by now, and Postgres would mind.

    That no session of it still writes to the files, Postgres checks by itself, by their shared memory.
    """
    if _postmaster(place) is None:
        (place.data / "postmaster.pid").unlink(missing_ok=True)
        place.socket_file.with_name(f"{place.socket_file.name}.lock").unlink(missing_ok=True)
    if place.log.stat().st_size > _LONGEST_LOG:
        os.truncate(place.log, 0)


def _postmaster(place: Place) -> int | None:
    """The number of the live server on these files, however it was started."""
    try:
        pid = int((place.data / "postmaster.pid").read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if f"-D {place.data} " in _command(pid) else None


def _command(pid: int) -> str:
    """How the process was started; empty for a zombie, and where there is none."""
    if not Path("/proc/self/cmdline").exists():
        macos = ("/bin/ps", "-ww", "-o", "command=", "-p", str(pid))
        return subprocess.run(macos, capture_output=True, text=True, check=False).stdout  # noqa: S603
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except OSError:
        return ""
