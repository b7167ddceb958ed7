"""How long `engine.language.understand` takes for a sentence: `python -m bench.understand [--lines FILE]`.

Both the time on the clock and the thread's own processor time are told: what a neighbour on the machine takes
is in the first only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, thread_time
from zoneinfo import ZoneInfo

from bench.figures import MILLI, machine, medians, percentile, table, verdict
from engine.language import understand

SAMPLE = Path(__file__).parent.parent / "tests" / "language" / "data" / "sample.jsonl"
LONGEST = 1_000
TARGET_MS = 5

# What joins clauses, or could begin one, is what is read most often.
_PHRASES = ("task 5, ", "list , ", ", . ", "and ", "to do ", "tomorrow ", "'a' ", "1 ", "x", "do task 1 and ")

_NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
_ZONE = ZoneInfo("Europe/Berlin")
_CLOCKS: dict[str, Callable[[], float]] = {"clock": perf_counter, "processor": thread_time}


def sentences(path: Path) -> list[str]:
    """The `text` of each line of JSON."""
    return [json.loads(line)["text"] for line in path.read_text().splitlines() if line.strip()]


def longest(texts: Sequence[str]) -> list[str]:
    """Messages of about 1,000 characters, which is the most: those sentences run together, in order."""
    joined = ". ".join(texts)
    return [joined[start : start + LONGEST] for start in range(0, len(joined), LONGEST)]


def repeated() -> list[str]:
    """Messages of 1,000 characters that say one phrase over and over: nobody does, but anybody may."""
    return [(phrase * LONGEST)[:LONGEST].strip() for phrase in _PHRASES]


def measure(texts: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds by each clock: medians over the rounds, after one round that does not count."""
    _times(texts, perf_counter)
    return {
        name: medians([_spread(_times(texts, clock)) for _ in range(rounds)])
        for name, clock in _CLOCKS.items()
    }


def _times(texts: Sequence[str], clock: Callable[[], float]) -> list[float]:
    taken: list[float] = []
    for text in texts:
        began = clock()
        understand(text, _NOW, _ZONE)
        taken.append((clock() - began) * MILLI)
    return taken


def _spread(taken: Sequence[float]) -> dict[str, float]:
    return {"p50": percentile(taken, 50), "p99": percentile(taken, 99), "max": max(taken)}


def report(texts: Sequence[str], rounds: int) -> str:
    """What is printed."""
    kinds = {
        "sentences": texts,
        "1,000 characters": longest(texts),
        "1,000 characters of one phrase": repeated(),
    }
    measured = {kind: measure(some, rounds) for kind, some in kinds.items()}
    rows = [
        [f"{kind}, by {clock}", len(kinds[kind]), one["p50"], one["p99"], one["max"], one["max worst"]]
        for kind, by_clock in measured.items()
        for clock, one in by_clock.items()
    ]
    heads = ["ms", "messages", "p50", "p99", "max", "max of any round"]
    p99 = measured["sentences"]["clock"]["p99"]
    return "\n\n".join([machine(), table(heads, rows), verdict("p99 of a sentence", p99, TARGET_MS, "ms")])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.understand", description=__doc__)
    parser.add_argument("--lines", type=Path, default=SAMPLE, help='JSON lines with a "text"')
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args(arguments)
    print(report(sentences(given.lines), given.rounds))


if __name__ == "__main__":
    main()
