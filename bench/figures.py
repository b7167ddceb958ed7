"""Percentiles, medians over rounds, and the tables that the benches print."""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

MILLI = 1_000
MICRO = 1_000_000


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of them do not exceed. Raises IndexError for none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each figure its median over the rounds, and under its name with ` worst` the largest."""
    names = list(rounds[0])
    middle = {name: median(one[name] for one in rounds) for name in names}
    return middle | {f"{name} worst": max(one[name] for one in rounds) for name in names}


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown, so that it can be copied into `docs/performance.md` as it was printed."""
    lines = [heads, ["---", *["---:" for _ in heads[1:]]], *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(name: str, value: float, most: float, unit: str) -> str:
    """One line: the figure, its target, and whether it holds."""
    return (
        f"{name}: {value:.1f} {unit}, target at most {most:g} {unit}: {'held' if value <= most else 'MISSED'}"
    )


def machine() -> str:
    """One line on what this ran on, and how busy it was before we began."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {python}, load {load}"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    named = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
