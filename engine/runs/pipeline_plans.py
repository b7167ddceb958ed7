"""Pipelines: stages one after another, the runs of a stage side by side, what came before in their input.

A pipeline needs no worker: whoever ends one of its runs starts the next stage in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from engine.runs.templates import fill, is_name, references
from errors import Issue

LONGEST_INPUT = 10_000
MOST_STAGES = 20
MOST_RUNS = 100


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """One run of a stage, as it was asked for."""

    name: str
    input: str
    agent_id: UUID | None = None


Stages = Sequence[Sequence[PipelineRun]]


def stage_issues(stages: Stages) -> list[Issue]:
    """Everything that can be wrong with the stages of a pipeline, with paths that begin at the input."""
    path = ("input", "stages")
    if not 1 <= len(stages) <= MOST_STAGES:
        return [Issue(path, f"1 to {MOST_STAGES} stages.")]
    if sum(map(len, stages)) > MOST_RUNS:
        return [Issue(path, f"At most {MOST_RUNS} runs in all.")]
    return list(_issues(stages, path))


def _issues(stages: Stages, path: tuple[str, ...]) -> Iterable[Issue]:
    earlier: set[str] = set()
    for stage_place, stage in enumerate(stages):
        names: list[str] = []
        if not stage:
            yield Issue((*path, str(stage_place)), "A stage has at least one run.")
        for place, run in enumerate(stage):
            at = (*path, str(stage_place), str(place))
            yield from _name_issues(run.name, earlier | set(names), (*at, "name"))
            yield from _input_issues(run.input, earlier, (*at, "input"))
            names.append(run.name)
        earlier |= set(names)


def _name_issues(name: str, taken: set[str], path: tuple[str, ...]) -> Iterable[Issue]:
    if not is_name(name):
        yield Issue(path, "A letter, then up to 63 letters, digits, - and _.")
    elif name in taken:
        yield Issue(path, f"There is another run {name!r}.")


def _input_issues(text: str, earlier: set[str], path: tuple[str, ...]) -> Iterable[Issue]:
    if not text.strip():
        yield Issue(path, "Must not be empty.")
    if len(text) > LONGEST_INPUT or "\x00" in text:
        yield Issue(path, f"At most {LONGEST_INPUT:,} characters, no NUL.")
    for name in references(text):
        if name not in earlier:
            yield Issue(path, f"There is no run {name!r} in an earlier stage.")


def summary(stages: Stages) -> str:
    """A pipeline in one line: what its execution has as its input."""
    return " → ".join(", ".join(run.name for run in stage) for stage in stages)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run as the pipeline's row keeps it: with the version that its agent had when the pipeline started."""

    name: str
    input: str
    agent_id: UUID | None = None
    agent_version_id: UUID | None = None

    def as_json(self) -> dict[str, Any]:
        """For the row."""
        ids = {"agent_id": self.agent_id, "agent_version_id": self.agent_version_id}
        told = {key: str(value) for key, value in ids.items() if value is not None}
        return {"name": self.name, "input": self.input, **told}

    @classmethod
    def of(cls, kept: Mapping[str, str]) -> PlannedRun:
        """From the row."""
        agent, version = kept.get("agent_id"), kept.get("agent_version_id")
        return cls(kept["name"], kept["input"], _uuid(agent), _uuid(version))

    def fields(self, stage: int, results: Mapping[str, object]) -> dict[str, Any]:
        """What its execution is started with, once the results of the earlier stages are there."""
        texts = {name: as_text(results[name]) for name in references(self.input)}
        return {
            "name": self.name,
            "stage": stage,
            "input": fill(self.input, texts),
            "agent_id": self.agent_id,
            "agent_version_id": self.agent_version_id,
        }


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def as_text(result: object) -> str:
    """A result as it stands in another run's input."""
    return result if isinstance(result, str) else orjson.dumps(result).decode()
