"""Where a private Postgres keeps its files, and where that is written down so that every process finds it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from db.embedded_owner import EmbeddedPostgresError, Owner

_LONGEST_SOCKET = 103  # what fits into sun_path on every platform, less its closing zero
_PREFIX = "baton-postgres-"


@dataclass(frozen=True)
class Place:
    """The folders of one cluster.

    `root` lies in the data folder, belongs to the caller and holds locks and records. `home` holds Postgres' own
    files; it is `root` itself unless Postgres' user may not enter that. `socket` is where clients connect.
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
    def gate(self) -> Path:
        """Locked by whoever is arriving or leaving."""
        return self.root / "gate.lock"

    @property
    def failure(self) -> Path:
        """Why the supervisor gave up, if it did."""
        return self.root / "failure"

    @property
    def socket_file(self) -> Path:
        return self.socket / ".s.PGSQL.5432"


def settle(root: Path) -> tuple[Place, Owner]:
    """Find the cluster's folders again, or choose and make them. Call with the gate locked."""
    home = _recorded(root / "home")
    owner = Owner.of((home or root) / "data")
    if home is None:
        home = root if owner.may_enter(root) else _record(root / "home", _far_home(root, owner))
    if not owner.may_enter(home):
        raise EmbeddedPostgresError(f"The user who owns {home / 'data'} may not enter {home}; let them, or move it.")
    place = Place(root, home, _socket(root, home))
    _prepare(place, owner)
    return place, owner


def shelter(owner: Owner, near: Path) -> Path:
    """A folder that `owner` may enter, for what cannot lie under `near`. Raises EmbeddedPostgresError."""
    temporary = Path(tempfile.gettempdir()).resolve()
    lasting = Path("/var/db/baton" if sys.platform == "darwin" else "/var/lib/baton")
    # What hangs on a temporary data folder need not outlive it.
    for folder in (temporary, lasting) if near.is_relative_to(temporary) else (lasting, temporary):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if owner.may_enter(folder):
            return folder
    raise EmbeddedPostgresError(f"Postgres' user may enter neither {lasting} nor {temporary}.")


def _far_home(root: Path, owner: Owner) -> Path:
    folder = shelter(owner, root)
    if folder == Path(tempfile.gettempdir()).resolve():
        _sweep(folder)
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    home.chmod(0o711)
    (home / "belongs-to").write_text(str(root))
    return home


def _sweep(folder: Path) -> None:
    """Remove what temporary data folders left here when they were deleted."""
    for record in folder.glob(f"{_PREFIX}*/belongs-to"):
        if not Path(record.read_text()).exists():
            shutil.rmtree(record.parent, ignore_errors=True)


def _socket(root: Path, home: Path) -> Path:
    near = Place(root, home, home / "run")
    if len(bytes(near.socket_file)) <= _LONGEST_SOCKET:
        return near.socket
    return _recorded(root / "socket") or _record(root / "socket", _short_folder())


def _short_folder() -> Path:
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder in it
        if len(parent) < _LONGEST_SOCKET // 2:
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    raise EmbeddedPostgresError("No folder for temporary files is short enough for a socket; set TMPDIR.")


def _recorded(record: Path) -> Path | None:
    folder = Path(record.read_text()) if record.exists() else None
    return folder if folder and folder.is_dir() else None


def _record(record: Path, folder: Path) -> Path:
    draft = record.with_suffix(".new")
    draft.write_text(str(folder))
    draft.rename(record)
    return folder


def _prepare(place: Place, owner: Owner) -> None:
    place.socket.mkdir(mode=0o700, exist_ok=True)
    place.log.touch(mode=0o600)
    owner.give(place.socket)
    owner.give(place.log)
