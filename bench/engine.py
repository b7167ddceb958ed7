"""The engine: steps and runs per second, pick-up, takeover, claims; PgQueuer and Procrastinate beside it, in
one run: `python -m bench.engine`.

One worker process each time. Postgres, the worker and whoever starts runs share the machine's cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import uvloop

from bench.claims import Claimed, claims
from bench.figures import MILLI, machine, percentile, table, verdict
from bench.ground import postgres
from bench.rivals import RIVALS, Rival, environment
from bench.runs import LONG, SHORT, Drained, ground
from tests.postgres import Cluster, cluster

STEPS, RUNS = 1_000, 500
PICK_UP = {50: 5.0, 99: 50.0}
TAKEOVER = 2.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done."""

    short_runs: int
    long_runs: int
    pick_ups: int
    every: float
    "Seconds between two runs whose pick-up is measured."
    slots: int
    lease: float
    claims: list[int]
    claim_times: int
    rounds: int
    rivals: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What one engine reached: medians over the rounds, pick-ups of all."""

    name: str
    runs: float
    "Two-step runs per second, start to finish."
    steps: float
    "Steps per second of runs with many."
    pick_ups: list[float]

    def cells(self) -> list[object]:
        """A row of the table."""
        spread = [percentile(self.pick_ups, percent) * MILLI for percent in PICK_UP]
        return [self.name, self.runs, self.steps, *spread]


@dataclass(frozen=True, slots=True)
class Found:
    """What is told of our engine."""

    line: Line
    shapes: tuple[Drained, Drained]
    taken: float
    how_many: int
    postgres: str


async def _ours(dsn: str, size: Size) -> Found:
    async with ground(dsn) as ours:
        with ours.worker(size.slots) as worker:
            await ours.until_ended(await ours.backlog(SHORT, size.slots))  # warms up
            short = [await ours.drain(worker, SHORT, size.short_runs) for _ in range(size.rounds)]
            long = [await ours.drain(worker, LONG, size.long_runs) for _ in range(size.rounds)]
            pick_ups = await ours.pick_up(size.pick_ups, size.every)
        taken, how_many = await ours.takeover(size.long_runs, size.slots, size.lease)
    line = Line("Baton", median(one.runs for one in short), median(one.steps for one in long), pick_ups)
    return Found(line, (short[-1], long[-1]), taken, how_many, await postgres(dsn))


async def _theirs(rival: Rival, size: Size, shapes: Sequence[Drained]) -> Line:
    short, long = (round(shape.steps_each) for shape in shapes)
    runs = [(await rival.drain(size.short_runs, short, size.slots))[0] for _ in range(size.rounds)]
    steps = [(await rival.drain(size.long_runs, long, size.slots))[1] for _ in range(size.rounds)]
    return Line(
        rival.name, median(runs), median(steps), await rival.pick_up(size.pick_ups, size.every, size.slots)
    )


async def _claims(dsn: str, size: Size) -> tuple[list[Claimed], str]:
    async with ground(dsn):
        return await claims(dsn, size.claims, size.claim_times)


def measure(server: Cluster, size: Size) -> str:
    """What is printed."""
    with server.database() as dsn:
        ours = uvloop.run(_ours(dsn, size))
    lines = [ours.line]
    for name in RIVALS if size.rivals else ():
        with server.database(migrated=False) as dsn:
            lines.append(uvloop.run(_theirs(Rival(environment(), name, dsn), size, ours.shapes)))
    with server.database() as dsn:
        claimed, plan = uvloop.run(_claims(dsn, size))
    return "\n\n".join(
        [
            f"{machine()}; {ours.postgres}; {size.slots} slots, {size.rounds} rounds",
            _compared(lines, ours.shapes),
            _processor(ours.shapes),
            _verdicts(ours, size),
            _claim_table(claimed),
            f"```\n{plan}\n```",
        ]
    )


def _compared(lines: Sequence[Line], shapes: Sequence[Drained]) -> str:
    short, long = (f"{shape.steps_each:.0f}" for shape in shapes)
    heads = ("", f"{short}-step runs/s", f"steps/s of {long}-step runs", "pick-up p50 ms", "pick-up p99 ms")
    return table(heads, [line.cells() for line in lines])


def _processor(shapes: Sequence[Drained]) -> str:
    rows = [[f"{shape.steps_each:.0f} steps", *shape.processor.values()] for shape in shapes]
    return table(("runs of", "worker µs for each step", "Postgres µs"), rows)


def _verdicts(ours: Found, size: Size) -> str:
    line = ours.line
    return "\n".join(
        [
            _at_least("steps/s", line.steps, STEPS),
            _at_least("runs/s", line.runs, RUNS),
            *(
                verdict(f"pick-up p{percent}", percentile(line.pick_ups, percent) * MILLI, most, "ms")
                for percent, most in PICK_UP.items()
            ),
            f"takeover of {ours.how_many} runs after kill -9, lease {size.lease:g} s: "
            + verdict("the last", ours.taken, size.lease + TAKEOVER, "s"),
        ]
    )


def _at_least(name: str, value: float, least: float) -> str:
    return f"{name}: {value:,.0f}, target at least {least:,}: {'held' if value >= least else 'MISSED'}"


def _claim_table(claimed: Sequence[Claimed]) -> str:
    rows = [[f"{one.queued:,}", one.p50, one.p99] for one in claimed]
    return table(("queued runs", "claim of 10, p50 ms", "p99 ms"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    size = _size(arguments)
    with cluster() as server:
        print(measure(server, size))


def _size(arguments: Sequence[str] | None) -> Size:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--short-runs", type=int, default=3_000)
    parser.add_argument("--long-runs", type=int, default=500)
    parser.add_argument("--pick-ups", type=int, default=300)
    parser.add_argument("--every", type=float, default=0.03, help="seconds between two pick-ups")
    parser.add_argument("--slots", type=int, default=50, help="runs that a worker carries at the same time")
    parser.add_argument("--lease", type=float, default=5.0, help="seconds, for the takeover")
    parser.add_argument("--claims", type=int, nargs="+", default=[10, 1_000, 100_000], help="queued runs")
    parser.add_argument("--claim-times", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-rivals", dest="rivals", action="store_false", help="without the others")
    return Size(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
