"""Where a private Postgres keeps its files, and where that is written down so that every process finds it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from db.embedded import shelter
from db.embedded.owner import EmbeddedPostgresError, Owner

_LONGEST_SOCKET = 103  # what fits into sun_path on every platform, less its closing zero


@dataclass(frozen=True)
class Place:
    """The folders of one cluster.

    `root` lies in the data folder, belongs to the caller and holds locks and records. `home` holds Postgres'
    own files; it is `root` itself unless Postgres' user may not enter that. Clients connect in `socket`.
    """

    root: Path
    home: Path
    socket: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def users(self) -> Path:
        """Locked, shared, by every process that uses the server, for as long as it does."""
        return self.root / "users.lock"

    @property
    def supervisor(self) -> Path:
        """Locked by the supervisor while it lives."""
        return self.root / "supervisor.lock"

    @property
    def failure(self) -> Path:
        """Why the supervisor gave up, if it did."""
        return self.root / "failure"

    @property
    def socket_file(self) -> Path:
        return self.socket / ".s.PGSQL.5432"


def gate(root: Path) -> Path:
    """Locked by whoever is arriving or leaving."""
    return root / "gate.lock"


def settle(root: Path) -> tuple[Place, Owner]:
    """Find the cluster's folders again, or choose and make them. Call with the gate locked."""
    home = _recorded(root / "home")
    owner = Owner.of((home or root) / "data")
    if home is None:
        home = root if owner.may_enter(root) else _record(root / "home", _far_home(root, owner))
    if not owner.may_enter(home):
        raise EmbeddedPostgresError(
            f"The user who owns {home / 'data'} may not enter {home}; let them, or move it."
        )
    place = Place(root, home, _socket(root, home))
    _prepare(place, owner)
    return place, owner


def _far_home(root: Path, owner: Owner) -> Path:
    home = shelter.new_folder(shelter.find(owner, root), root)
    home.chmod(0o711)
    return home


def _socket(root: Path, home: Path) -> Path:
    near = Place(root, home, home / "run")
    if len(bytes(near.socket_file)) <= _LONGEST_SOCKET:
        return near.socket
    return _recorded(root / "socket") or _record(root / "socket", _short_folder(root))


def _short_folder(root: Path) -> Path:
    usual = tempfile.gettempdir()
    is_short = len(os.fsencode(usual)) < _LONGEST_SOCKET // 2
    return shelter.new_folder(Path(usual if is_short else "/tmp"), root)  # noqa: S108 - a private one in it


def _recorded(record: Path) -> Path | None:
    folder = shelter.read_path(record) if record.exists() else None
    return folder if folder and folder.is_dir() else None


def _record(record: Path, folder: Path) -> Path:
    draft = record.with_suffix(".new")
    draft.write_bytes(os.fsencode(folder))
    draft.rename(record)
    return folder


def _prepare(place: Place, owner: Owner) -> None:
    place.socket.mkdir(mode=0o700, exist_ok=True)
    place.log.touch(mode=0o600)
    owner.give(place.socket)
    owner.give(place.log)
