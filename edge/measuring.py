"""What an operator hears of each operation: a figure, and a line of log where every one is wanted."""

from __future__ import annotations

import logging
from time import perf_counter
from types import TracebackType
from typing import Self

from edge.documents import Operation
from telemetry import metrics

log = logging.getLogger("baton.edge")


class Measuring:
    """Around one operation. It counts as refused until `answered` says otherwise."""

    __slots__ = ("_began", "_operation", "_outcome")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._outcome = "refused"

    def answered(self, *, has_errors: bool) -> None:
        """There is an answer, whatever is in it."""
        self._outcome = "errors" if has_errors else "ok"

    def __enter__(self) -> Self:
        self._began = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = perf_counter() - self._began
        operation = self._operation
        metrics.operation(operation.kind.value, operation.label, self._outcome, seconds)
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "%s %s: %s",
                operation.kind.value,
                operation.label,
                self._outcome,
                extra={"operation": operation.label, "outcome": self._outcome, "ms": round(seconds * 1e3, 2)},
            )
