"""Figures for Prometheus. Counted where it happens, in this process alone: sums are Prometheus' work.

Labels are bounded: names of operations come from the schema or from the operator's own documents, codes and
states from our enumerations. No id, no name that a client chose.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Counts(Collector):
    """A counter by labels, without the library's locks: one thread counts here."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._said = name, documentation, labels
        self._counts: dict[tuple[str, ...], int] = {}
        REGISTRY.register(self)

    def add(self, *labels: str) -> None:
        """One more."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Part of Collector."""
        name, documentation, names = self._said
        found = CounterMetricFamily(name, documentation, labels=names)
        for labels, count in list(self._counts.items()):
            found.add_metric(labels, count)
        yield found


class _Durations(Collector):
    """A histogram of seconds by labels, likewise."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._said = name, documentation, labels
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        REGISTRY.register(self)

    def observe(self, labels: tuple[str, ...], seconds: float) -> None:
        """One that took so long."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(_SECONDS) + 1)
            self._sums[labels] = 0.0
        counts[bisect_left(_SECONDS, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Part of Collector."""
        name, documentation, names = self._said
        found = HistogramMetricFamily(name, documentation, labels=names)
        for labels, counts in list(self._counts.items()):
            buckets = zip((*map(str, map(float, _SECONDS)), "+Inf"), accumulate(counts), strict=True)
            found.add_metric(labels, [*buckets], self._sums[labels])
        yield found


_operations = _Durations(
    "baton_operation_seconds",
    "Queries and mutations from their start to their answer, subscriptions until they are open.",
    ("type", "operation", "outcome"),
)
_responses = _Counts("baton_http_responses", "Answers of /graphql by HTTP status.", ("status",))
_runs = _Counts("baton_runs_ended", "Runs that this process ended.", ("status", "reason"))
_steps = _Counts("baton_steps", "Steps that this process ended.", ("kind", "status"))
model_seconds = Histogram(
    "baton_model_call_seconds",
    "Calls of models of providers, tries and waits between them included.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100),
)
leases_lost = Counter("baton_leases_lost", "Runs whose lease this worker lost while it carried them.")
leases_expired = Counter("baton_leases_expired", "Leases that ran out and were swept here.")
hints_sent = Counter("baton_hints_sent", "Topics of hints that were sent.")
hints_heard = Counter("baton_hints_heard", "Topics of hints that arrived.")
hint_lag = Histogram(
    "baton_hint_lag_seconds",
    "From sending to hearing: of a hint that this process sends to itself every 5 s.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
)

# As they stand when they are read.
hints_healthy = Gauge("baton_hints_healthy", "Whether hints arrive, by the newest proof.")
queue_runs = Gauge("baton_queue_runs", "Runs that wait for a worker, of the whole house.")
queue_age = Gauge("baton_queue_age_seconds", "How long the oldest of them has waited; 0 where none waits.")
pool_size = Gauge("baton_pool_connections", "Connections that the pool of this process may have.")
pool_in_use = Gauge("baton_pool_in_use", "Connections of the pool that are lent out.")
sockets = Gauge("baton_sockets", "Open WebSockets whose client has signed in.")
streams = Gauge("baton_streams", "Open subscriptions, over WebSockets and Server-Sent Events.")
worker_slots = Gauge("baton_worker_slots", "Runs that this worker may carry at a time.")
worker_runs = Gauge("baton_worker_runs", "Runs that this worker carries.")


def operation(kind: str, name: str, outcome: str, seconds: float) -> None:
    """One was carried out (`ok`), answered with errors (`errors`), or refused (`refused`)."""
    _operations.observe((kind, name, outcome), seconds)


def response(status: int) -> None:
    """One answer of /graphql."""
    _responses.add(str(status))


def run_ended(status: str, reason: str | None) -> None:
    """A run has come to its end, and that is committed."""
    _runs.add(status, reason or "")


def step_ended(kind: str, status: str) -> None:
    """A step has its outcome, and that is committed."""
    _steps.add(kind, status)


def exposition() -> bytes:
    """All of them, in the text format of Prometheus."""
    return generate_latest(REGISTRY)
