"""What benches start starts quickly: nothing here looks at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

import pytest

from bench import processes
from tests.nursery import Child
from tests.processes import begin

_OURS = [sys.executable, "-m", "cli"]


@pytest.fixture(autouse=True)
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers and workers are children of the nursery."""
    from_scratch = processes.launch

    def launch(
        command: Sequence[str], env: Mapping[str, str], log: IO[str]
    ) -> Child | subprocess.Popen[bytes] | subprocess.Popen[str]:
        if list(command[:3]) != _OURS:
            return from_scratch(command, env, log)
        with open(os.devnull, "rb") as nothing:
            return begin(command[3:], env, (nothing.fileno(), log.fileno(), log.fileno()))

    monkeypatch.setattr(processes, "launch", launch)
