"""What a test with real clients may ask for: Node with its packages, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.clients import node


@pytest.fixture(scope="session")
def npm() -> str:
    """The npm beside Node."""
    return (shutil.which("node") and shutil.which("npm")) or _missing("Node 20 with npm")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser: $CHROMIUM, or the system's."""
    return shutil.which(os.environ.get("CHROMIUM", "/usr/bin/chromium")) or _missing("Chromium")


@pytest.fixture(scope="session")
def script(npm: str) -> Callable[..., Any]:
    """Runs a script of this folder with its settings as keywords; gives its JSON."""
    node.install(node.HERE)
    return lambda name, **settings: node.run_script(name, settings)


@pytest.fixture(scope="session")
def link(npm: str) -> Path:
    """The client link of web/link, with what its lock names."""
    node.install(node.LINK)
    return node.LINK


def _missing(what: str) -> NoReturn:
    reason = f"{what} is not installed; the tests with real clients need it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
