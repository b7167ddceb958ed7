"""Each decision is found by its number."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

DECISIONS = Path(__file__).parent.parent / "docs" / "decisions"


def test_every_decision_has_a_number_of_its_own() -> None:
    """In its name, and in its heading."""
    files = [path for path in sorted(DECISIONS.glob("*.md")) if path.name != "README.md"]
    numbers = Counter(path.name.partition("-")[0] for path in files)
    assert [number for number, count in numbers.items() if count > 1] == []
    for path in files:
        heading = path.read_text().partition("\n")[0]
        assert heading.startswith(f"# {int(path.name.partition('-')[0])}. "), path.name
