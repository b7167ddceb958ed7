"""What both peers are asked: jobs of so many steps, each of them one row and one durable commit.

That is less than our runs do: no event, no status, no fence, nothing to go on from after a crash.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

TABLE = """
create table bench_steps (
  job int, number int, began double precision, text text, at timestamptz default clock_timestamp(),
  primary key (job, number)
)"""
STEP = "insert into bench_steps (job, number, began, text) values ($1, $2, $3, $4)"
TEXT = "A step of a run says about as much as this sentence does, with its arguments and its result. " * 3


@dataclass(frozen=True)
class Asked:
    """How many jobs of how many steps; `every` so many seconds, or (0) all at once."""

    jobs: int
    steps: int
    every: float
    first: int

    def payloads(self) -> list[bytes]:
        """One for each job."""
        numbers = range(self.first, self.first + self.jobs)
        return [json.dumps({"job": number, "steps": self.steps}).encode() for number in numbers]


async def main(
    prepare: Callable[[str], Awaitable[None]],
    enqueue: Callable[[str, Asked], Awaitable[list[float]]],
    work: Callable[[str, int], Awaitable[None]],
) -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["prepare", "enqueue", "work"])
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--slots", type=int, default=10)
    given = parser.parse_args()
    match given.command:
        case "prepare":
            await prepare(given.dsn)
        case "enqueue":
            print(
                json.dumps(await enqueue(given.dsn, Asked(given.jobs, given.steps, given.every, given.first)))
            )
        case _:
            await work(given.dsn, given.slots)
