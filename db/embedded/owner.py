"""As whom the private Postgres runs. It refuses root; root lends it a user without rights, and gives it
only what is Postgres' own."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from errors import BatonError

_UNPRIVILEGED = ("postgres", "nobody")


class EmbeddedPostgresError(BatonError):
    """The private Postgres cannot be had."""

    code = "EMBEDDED_POSTGRES"


class Credentials(TypedDict, total=False):
    """What `subprocess` needs to start a process as somebody else; empty where nobody else is meant."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Owner:
    """The system user who owns a cluster's files and runs its server."""

    uid: int
    gid: int

    @classmethod
    def of_new(cls) -> Owner:
        """Who should own a new cluster. Raises EmbeddedPostgresError."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        user = _unprivileged_user()
        return cls(user.pw_uid, user.pw_gid)

    @classmethod
    def of(cls, data: Path) -> Owner:
        """Who owns the cluster in `data`, or should. Raises EmbeddedPostgresError."""
        if os.geteuid() != 0 or not data.exists():
            return cls.of_new()
        return cls(data.stat().st_uid, data.stat().st_gid)

    @property
    def credentials(self) -> Credentials:
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        if self.uid != path.stat().st_uid:
            os.chown(path, self.uid, self.gid)

    def may_enter(self, path: Path) -> bool:
        """Whether every folder down to `path` lets the owner pass; `path` itself may be a program to run."""
        if not self.credentials:
            return os.access(path, os.X_OK)
        return self.run("test", "-x", str(path)).returncode == 0

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run to the end as the owner. What it says, on either stream, is in `stdout`."""
        return subprocess.run(  # noqa: S603 - programs we name ourselves
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            env=environment(),
            **self.credentials,
        )

    def launch(self, *command: str, log: Path) -> subprocess.Popen[bytes]:
        """Start as the owner and return at once; what it says is added to `log`."""
        with log.open("ab") as out:
            return subprocess.Popen(  # noqa: S603 - programs we name ourselves
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                env=environment(),
                **self.credentials,
            )


def environment() -> dict[str, str]:
    """The caller's, without what would steer Postgres behind our back (`PGPORT`, `PGDATA`, locales)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _unprivileged_user() -> pwd.struct_passwd:
    users = {user.pw_name: user for user in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in users:
            return users[name]
    raise EmbeddedPostgresError(
        "Postgres does not run as root, and there is no user 'postgres' or 'nobody' to run it as. "
        "Add one, or set DATABASE_URL."
    )
