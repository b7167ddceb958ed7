"""A small checkout with the real launcher and a command of few words, to start in all circumstances."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT

_COMMAND = """
import json, os, sys
names = ("iniconfig", "sortedcontainers")
print(json.dumps({
    "arguments": sys.argv[1:],
    "folder": os.getcwd(),
    "bytecode": not sys.dont_write_bytecode,
    "environment": {name: value for name, value in os.environ.items() if name.startswith("BATON_")},
    "installed": [name for name in names if __import__("importlib.util").util.find_spec(name)],
}))
"""


class Checkout:
    """Its locks are single packages of the real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "requirements").mkdir(parents=True)
        shutil.copy(ROOT / "baton", folder)
        for name in ("install.py", "uv.txt"):
            shutil.copy(ROOT / "requirements" / name, folder / "requirements")
        (folder / "cli.py").write_text(_COMMAND)
        self.lock("local", "iniconfig")
        self.lock("models", "iniconfig", "sortedcontainers")
        self.lock("test", "iniconfig", "sortedcontainers")

    def lock(self, name: str, *packages: str) -> None:
        """Write a lock of these packages."""
        text = "".join(_stanza(package) for package in packages)
        (self.folder / "requirements" / f"{name}.txt").write_text(text)

    @property
    def launcher(self) -> Path:
        return self.folder / "baton"

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    def start(
        self, *arguments: str, folder: Path | None = None, **environment: str | None
    ) -> subprocess.Popen[str]:
        """Begin `./baton …`, from any folder; None takes a variable away."""
        kept = {name: value for name, value in {**_quiet(), **environment}.items() if value is not None}
        return subprocess.Popen(
            [str(self.launcher), *arguments],
            cwd=folder or self.folder,
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def _quiet() -> dict[str, str]:
    """Our environment, with the Python that runs this test as the first one to be found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    interpreter = Path(sys.base_prefix) / "bin"
    return {**kept, "PATH": f"{interpreter}:{kept['PATH']}"}


def _stanza(package: str) -> str:
    match = re.search(rf"^{package}==.*\n(?: .*\n)+", (ROOT / "requirements" / "test.txt").read_text(), re.M)
    assert match
    return match[0]
