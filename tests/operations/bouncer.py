"""A real PgBouncer in transaction mode before the tests' Postgres."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

from tests.processes import free_port, until

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def bouncer(dsn: str, *, connections: int) -> Iterator[str]:
    """Its address for this database; `connections` are all that it opens to Postgres."""
    assert PROGRAM is not None, "CI installs it"
    with TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # as root it does not run: it becomes somebody else
        yield from _running(PROGRAM, dsn, Path(place), connections)


def _running(program: str, dsn: str, folder: Path, connections: int) -> Iterator[str]:
    port, url = free_port(), urlsplit(dsn)
    host = url.hostname or parse_qs(url.query)["host"][0]
    user, database = url.username or "postgres", url.path.strip("/")
    password = f" password={url.password}" if url.password else ""
    (folder / "users.txt").write_text(f'"{user}" ""\n')
    (folder / "bouncer.ini").write_text(
        f"""
        [databases]
        {database} = host={host} port={url.port or 5432} user={user}{password}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = trust
        auth_file = {folder}/users.txt
        pool_mode = transaction
        default_pool_size = {connections}
        max_client_conn = 200
        """
    )
    somebody = Path(host).owner() if host.startswith("/") else "nobody"  # who may use the socket
    as_somebody = ["-u", somebody] if os.geteuid() == 0 else []
    command = [program, "-q", *as_somebody, str(folder / "bouncer.ini")]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: _listens(port))
            yield f"postgresql://{user}@127.0.0.1:{port}/{database}"
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
