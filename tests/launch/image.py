"""What Dockerfile would make, as far as it can be told without an engine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.processes import ROOT


@dataclass(frozen=True)
class Copy:
    """A COPY from the checkout: what, and where to below the working folder."""

    sources: list[str]
    target: str


class Dockerfile:
    """Its instructions, one line each, of the last stage unless said otherwise."""

    def __init__(self) -> None:
        text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
        self.lines = [line for line in text.splitlines() if line and not line.startswith("#")]

    @property
    def last_stage(self) -> list[str]:
        start = max(index for index, line in enumerate(self.lines) if line.startswith("FROM "))
        return self.lines[start:]

    def value(self, instruction: str) -> str:
        """What stands behind the instruction in the last stage."""
        (line,) = [line for line in self.last_stage if line.startswith(f"{instruction} ")]
        return line.removeprefix(instruction).strip()

    def command(self) -> list[str]:
        return json.loads(self.value("CMD"))

    def health_command(self) -> list[str]:
        return json.loads(self.value("HEALTHCHECK").partition("CMD ")[2])

    def copies(self, lines: list[str] | None = None) -> Iterator[Copy]:
        """Every COPY that takes something from the checkout."""
        for line in lines if lines is not None else self.last_stage:
            if line.startswith("COPY ") and "--from" not in line:
                *sources, target = line.split()[1:]
                yield Copy(sources, target)

    def lay_out(self, folder: Path) -> None:
        """Copy into the folder what the last stage copies, and nothing else."""
        for copy in self.copies():
            for source in copy.sources:
                _copy(ROOT / source, folder / copy.target)


def allowed() -> list[str]:
    """What .dockerignore lets through to the engine."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert [line for line in lines if not re.match(r"#|!|\*\*/", line)] == ["*"]
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
