"""A data folder of a test's own; whoever used it, nothing may run on it in the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.users import House


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that any system user may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    """No user yet. When all are gone, the server and its supervisor must be gone as well."""
    house = House(folder / "data")
    yield house
    house.clear()
