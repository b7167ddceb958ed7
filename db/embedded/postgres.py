"""A private Postgres: started by its first user, shared by all on this machine, stopped with the last one."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from db.embedded.binaries import Binaries, find_binaries
from db.embedded.lock import Lock, await_end, held, is_held, opened
from db.embedded.owner import EmbeddedPostgresError, Owner
from db.embedded.place import Place, gate, settle
from db.embedded.server import answers, end_of_log
from db.embedded.supervisor import start_supervisor

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

_PATIENCE = 120  # seconds; a crashed server may have much to recover
_log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """One process's use of the private Postgres in the folder `root`, which is made where there is none.

    A supervisor, a process of its own, keeps the server: it starts it again when it dies, and stops it once
    every user has called `stop` or died. Everything here blocks; call it from a thread where a loop runs.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._use: Lock | None = None
        self._place: Place | None = None

    def start(self) -> None:
        """Use the server; it accepts sessions when this returns. Raises EmbeddedPostgresError."""
        try:
            self._start()
        except OSError as error:
            self.stop()
            raise EmbeddedPostgresError(
                f"The private Postgres cannot be kept in {self._root}: {error}"
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Use it no longer. When nobody else does, it is stopped when this returns. May be called twice."""
        if self._place is None or self._use is None:
            return
        with held(gate(self._place.root)):
            self._use.close()
            self._use = None
            if _is_unused(self._place):
                await_end(self._place.supervisor)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        """The address of a database, for asyncpg; known once started."""
        if self._place is None:
            raise EmbeddedPostgresError("The private Postgres is not started.")
        return f"postgresql://postgres@/{database}?host={quote(str(self._place.socket))}&port=5432"

    def _start(self) -> None:
        binaries = find_binaries(self._root)
        root = _folder_of(self._root, binaries.major)
        with held(gate(root)):
            self._place, owner = settle(root)
            self._use = Lock(self._place.users)
            self._use.share()
            start_supervisor(self._place, owner, binaries)
        _await_answer(self._place, owner, binaries)


def _folder_of(root: Path, major: int) -> Path:
    folder = root / f"pg{major}"
    others = [other.name for other in root.glob("pg*") if other != folder]
    if others and not folder.exists():
        _log.warning("starting an empty Postgres %s; what is in %s stays there", major, ", ".join(others))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _await_answer(place: Place, owner: Owner, binaries: Binaries) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not answers(place):
        if not is_held(place.supervisor):
            _raise_failure(place)
            start_supervisor(place, owner, binaries)  # killed over its work
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"Postgres does not answer.{_end_of_log(place)}")
        time.sleep(0.005)


def _raise_failure(place: Place) -> None:
    if place.failure.exists():
        reason = place.failure.read_text(encoding="utf-8", errors="replace")
        raise EmbeddedPostgresError(f"{reason}{_end_of_log(place)}")


def _end_of_log(place: Place) -> str:
    said = end_of_log(place)
    return f" The end of {place.log}:\n{said}" if said else ""


def _is_unused(place: Place) -> bool:
    """Whether the last user has gone. Call with the gate locked, so that nobody arrives meanwhile."""
    with opened(place.users) as users:
        # Held alone by somebody else: by the supervisor, which has seen that nobody is left.
        return users.try_take() or not users.try_share()
