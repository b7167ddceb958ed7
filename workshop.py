"""What those who work on Baton run: checks, tests and benches, with the tools beside this Python."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).parent
_CHECKS = (
    ("ruff", "format", "--check", "--quiet", "."),
    ("ruff", "check", "--quiet", "."),
    ("basedpyright", "--level", "error"),
)
_PYTEST = ("pytest", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"More processes than the two cores of CI: half of the time they wait for others."


def test(chosen: Sequence[str]) -> int:
    """All that CI runs, or pytest with these arguments; the exit code."""
    failed = [] if chosen else [check[0] for check in _CHECKS if _tool(*check) != 0]
    code = _tool("pytest", *chosen) if chosen else _tool(*_PYTEST)
    failed += _failed_tests() if code else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return code or int(bool(failed))


def _failed_tests() -> list[str]:
    """What pytest last noted; told once more at the end, where a log that was cut short still has it."""
    noted = _ROOT / ".pytest_cache/v/cache/lastfailed"
    return list(json.loads(noted.read_text())) if noted.exists() else []


def bench(name: str, arguments: Sequence[str]) -> int:
    """Measure something; the exit code."""
    return _tool("python", "-m", f"bench.{name}", *arguments)


def benches() -> dict[str, str]:
    """What can be measured, by name, with the first line that its module says of itself."""
    modules = {path.stem: path.read_text() for path in sorted((_ROOT / "bench").glob("*.py"))}
    return {
        name: text.removeprefix('"""').splitlines()[0].partition(": `")[0].rstrip(":.")
        for name, text in modules.items()
        if '\nif __name__ == "__main__":' in text
    }


def _tool(name: str, *arguments: str) -> int:
    program = Path(sys.executable).parent / name
    return subprocess.run([program, *arguments], check=False, cwd=_ROOT).returncode  # noqa: S603
