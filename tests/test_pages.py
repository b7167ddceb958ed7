"""Pages stay true: decisions are found by their number, and what is named in the code's words is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
DECISIONS = ROOT / "docs" / "decisions"
ROOMS = ("db", "edge", "engine", "events", "resolvers", "schema", "telemetry")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
SOURCES = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
_FILE = re.compile(r"`([\w/.]*\w\.(?:py|mjs|ts|tsx))`")
_NAME = re.compile(rf"`((?:{'|'.join(ROOMS)})(?:\.\w+)+)[`(]")
_OTHERS = {"events.follows", "schema.graphql"}  # a column, and a file


def test_every_decision_has_a_number_of_its_own() -> None:
    """In its name, and in its heading."""
    files = [path for path in sorted(DECISIONS.glob("*.md")) if path.name != "README.md"]
    numbers = Counter(path.name.partition("-")[0] for path in files)
    assert [number for number, count in numbers.items() if count > 1] == []
    for path in files:
        heading = path.read_text().partition("\n")[0]
        assert heading.startswith(f"# {int(path.name.partition('-')[0])}. "), path.name


def test_a_file_that_a_page_names_is_there() -> None:
    """By its path, or by its name alone where the page has said whose room it is in."""
    missing = {
        name: page.name
        for page in PAGES
        for name in _FILE.findall(page.read_text())
        if not is_file(name, page)
    }
    assert missing == {}


def test_a_module_that_pages_or_docstrings_name_is_there() -> None:
    """With the class or function in it."""
    missing = {
        name: path.name
        for path in [*PAGES, *SOURCES]
        for name in _NAME.findall(path.read_text())
        if name not in _OTHERS and not is_defined(name.split("."))
    }
    assert missing == {}


def is_file(name: str, page: Path) -> bool:
    if (ROOT / name).exists() or (page.parent / name).exists():
        return True
    ours = (path for path in ROOT.rglob(f"*/{name}") if "node_modules" not in path.parts)
    return "/" not in name and any(ours)


def is_defined(name: list[str]) -> bool:
    """The longest part of it that is a module, and the next word in its source."""
    for length in range(len(name), 0, -1):
        place = ROOT.joinpath(*name[:length])
        module = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        if module.exists():
            rest = name[length : length + 1]
            return all(re.search(rf"\b{word}\b", module.read_text()) for word in rest)
    return False
