"""Locks between processes that the kernel drops however their holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class Lock:
    """An open lock file. Closing it, or dying, lets go."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def share(self) -> None:
        """Wait until nobody holds it alone, then hold it together with others."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def take(self) -> None:
        """Wait until nobody else holds it, then hold it alone."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def try_share(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def try_take(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def close(self) -> None:
        os.close(self._file)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def opened(path: Path) -> Generator[Lock]:
    """The lock file, closed at the end."""
    lock = Lock(path)
    try:
        yield lock
    finally:
        lock.close()


@contextmanager
def held(path: Path) -> Generator[None]:
    """Hold the lock alone, waiting for it."""
    with opened(path) as lock:
        lock.take()
        yield


def await_end(path: Path) -> None:
    """Wait until whoever holds the lock alone has let go."""
    with opened(path) as lock:
        lock.share()


def is_held(path: Path) -> bool:
    """Whether anybody holds the lock alone right now."""
    with opened(path) as lock:
        return not lock.try_share()
