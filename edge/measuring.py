"""What an operator hears of each operation: a figure, a span, and a line of log where every one is wanted."""

from __future__ import annotations

import logging
from time import perf_counter
from types import TracebackType
from typing import Protocol, Self

from edge.documents import Operation
from telemetry import metrics, tracing

log = logging.getLogger("baton.edge")


class Asker(Protocol):
    """Who asks for an operation."""

    @property
    def request_id(self) -> str: ...
    @property
    def traceparent(self) -> str | None: ...


class Measuring:
    """Around one operation. It counts as refused until `answered` says otherwise."""

    __slots__ = ("_began", "_operation", "_outcome", "_span")

    def __init__(self, operation: Operation, asker: Asker) -> None:
        self._operation = operation
        self._outcome = "refused"
        self._span = tracing.span(
            operation.title,
            "server",
            asker.traceparent,
            graphql__operation__type=operation.type,
            baton__request__id=asker.request_id,
        )

    def answered(self, *, has_errors: bool) -> None:
        """There is an answer, whatever is in it."""
        self._outcome = "errors" if has_errors else "ok"

    def __enter__(self) -> Self:
        self._began = perf_counter()
        self._span.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = perf_counter() - self._began
        self._span.set(baton__outcome=self._outcome)
        self._span.__exit__(kind, error, trace)
        operation = self._operation
        metrics.operation(operation.type, operation.label, self._outcome, seconds)
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "%s %s: %s",
                operation.type,
                operation.label,
                self._outcome,
                extra={"operation": operation.label, "outcome": self._outcome, "ms": round(seconds * 1e3, 2)},
            )
