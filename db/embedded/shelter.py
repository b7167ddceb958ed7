"""Folders elsewhere, for what Postgres' user could not reach in the data folder, or no socket be named by."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from db.embedded.owner import EmbeddedPostgresError, Owner

_LASTING = Path("/var/db/baton" if sys.platform == "darwin" else "/var/lib/baton")
_PREFIX = "baton-postgres-"


def find(owner: Owner, root: Path) -> Path:
    """A folder that `owner` may enter, for what cannot lie in `root`. Raises EmbeddedPostgresError."""
    temporary = _temporary()
    # What hangs on a temporary data folder need not outlive it.
    for folder in (temporary, _LASTING) if root.is_relative_to(temporary) else (_LASTING, temporary):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)
        if owner.may_enter(folder):
            return folder
    raise EmbeddedPostgresError(f"Postgres' user may enter neither {_LASTING} nor {temporary}.")


def new_folder(parent: Path, root: Path) -> Path:
    """A new private folder in `parent` that belongs to the data in `root`."""
    if parent == _temporary():
        _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    (folder / "belongs-to").write_bytes(os.fsencode(root))
    return folder


def read_path(record: Path) -> Path:
    """The path that was written into the file."""
    return Path(os.fsdecode(record.read_bytes()))


def _temporary() -> Path:
    return Path(tempfile.gettempdir()).resolve()


def _sweep(parent: Path) -> None:
    """Remove what temporary data folders left here when they were deleted."""
    for record in parent.glob(f"{_PREFIX}*/belongs-to"):
        if not read_path(record).exists():
            shutil.rmtree(record.parent, ignore_errors=True)
