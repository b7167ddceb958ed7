"""How long a newcomer waits, from the clone to a run that was watched: `python -m bench.newcomer`.

A clone of what is committed, into an empty folder, with an empty home and empty caches; then the README's own
command, and the API over HTTP and a WebSocket. Where packages come from stays the machine's business.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import perf_counter, time

from bench.figures import machine, medians, table
from client.api import Api
from client.documents import START, WATCH
from launch import DEVELOPER

ROOT = Path(__file__).parent.parent
SENTENCE = "Add a high priority task to call the dentist by Friday, then show my tasks"
STAGES = (
    "git clone",
    "./baton dev, until the packages are there",
    "… until it is ready: Postgres made, migrated, server and worker up",
    "startExecution, until it is answered",
    "watching it to its end",
    "in all",
    "./baton dev again, until it is ready",
)
_PATIENCE = 600
_CONFIGS = {"PIP_CONFIG_FILE": ".config/pip/pip.conf", "UV_CONFIG_FILE": ".config/uv/uv.toml"}


def measure(rounds: int, **settings: str) -> str:
    """The table, medians over the rounds. `settings` are variables of the environment."""
    taken = medians([dict(zip(STAGES, _newcomer(settings), strict=True)) for _ in range(rounds)])
    rows = [(stage, taken[stage], taken[f"{stage} worst"]) for stage in STAGES]
    return "\n".join([machine(), "", table(("seconds", "median", "worst"), rows)])


def _newcomer(settings: Mapping[str, str]) -> list[float]:
    """The seconds of each stage."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        home, checkout = Path(folder, "home"), Path(folder, "baton")
        home.mkdir()
        env = {**environment(home), **settings}
        times = [perf_counter()]
        subprocess.run(["git", "clone", "--quiet", f"file://{ROOT}", str(checkout)], env=env, check=True)
        times.append(perf_counter())
        with developing(checkout, env) as (address, token, installed):
            times += [max(installed, times[-1]), perf_counter(), *asyncio.run(_watch(address, token))]
        again = perf_counter()
        with developing(checkout, env):
            seconds = perf_counter() - again
    return [
        *(after - before for before, after in pairwise(times)),
        times[-1] - times[0],
        seconds,
    ]


def environment(home: Path) -> dict[str, str]:
    """Nothing of ours but the way to programs and to packages."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "UV_", "PATH", "LANG", "SSL_"))
    }
    kept = {name: value for name, value in kept.items() if "CACHE" not in name}
    found = {name: str(path) for name, place in _CONFIGS.items() if (path := Path.home() / place).exists()}
    return {**found, **kept, "HOME": str(home), "BATON_PORT": "0", "PYTHONUNBUFFERED": "1"}


@contextmanager
def developing(checkout: Path, env: Mapping[str, str]) -> Iterator[tuple[str, str, float]]:
    """`./baton dev`, once it is ready: its address, its token, and when its packages were there."""
    process = subprocess.Popen(["./baton", "dev"], cwd=checkout, env=env, stdout=subprocess.PIPE, text=True)
    alarm = threading.Timer(_PATIENCE, process.kill)
    alarm.start()
    try:
        yield _welcome(process, Path(env.get("BATON_VENV", checkout / ".venv")))
    finally:
        alarm.cancel()
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _welcome(process: subprocess.Popen[str], venv: Path) -> tuple[str, str, float]:
    told = ""
    for line in process.stdout or ():
        told += line
        if DEVELOPER in line:
            address, token = re.findall(r"(?:API|Token) +(\S+)", told)
            installed = max(stamp.stat().st_mtime for stamp in venv.glob("*.lock"))
            return address.removesuffix("/graphql"), token, perf_counter() - (time() - installed)
    raise SystemExit(f"./baton dev ended with {process.wait()}:\n{told}")


async def _watch(address: str, token: str) -> list[float]:
    """When the run was started, and when its stream had come to its end."""
    api = Api(address, token)
    started = await api.ask(START, input={"input": SENTENCE})
    times = [perf_counter()]
    async for frame in api.follow(WATCH, id=started["execution"]["id"], after=started["cursor"]):
        if frame["__typename"] == "StreamClosed":
            times.append(perf_counter())
    return times


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    print(measure(parser.parse_args(arguments).rounds))


if __name__ == "__main__":
    main()
