"""Traces by OpenTelemetry, from a request through the queue to what its run does. Off, they cost nothing.

The library is imported here alone, and only where traces are on; its own `OTEL_…` names say where they go.
"""

from __future__ import annotations

import os
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan

Kind: TypeAlias = Literal["server", "consumer", "client", "internal"]


class Span(Protocol):
    """One piece of work, while the block runs. What its task begins meanwhile is part of it."""

    def set(self, **attributes: object) -> None:
        """Add what is known only now; None is left out. `__` in a name stands for a dot."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class _Nothing:
    """The span of all work where traces are off."""

    def set(self, **attributes: object) -> None:
        """Nobody asks."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class _Spans:
    """What makes spans, and sends them off in batches."""

    def __init__(self, service: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = "OTEL_SERVICE_NAME" in os.environ
        self.provider: TracerProvider = TracerProvider(
            resource=Resource.create({} if named else {"service.name": service})
        )
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = self.provider.get_tracer("baton")


class _Open:
    """A span of the library's, made the current one."""

    def __init__(
        self, spans: _Spans, name: str, kind: Kind, parent: str | None, expected: type[Exception] | None
    ) -> None:
        self._spans, self._name, self._kind, self._parent = spans, name, kind, parent
        self._expected = expected
        self._attributes: dict[str, Any] = {}
        self._span: OtelSpan
        self._token: Token[Context]

    def set(self, **attributes: object) -> None:
        """Part of Span."""
        found = {
            name.replace("__", "."): _plain(value) for name, value in attributes.items() if value is not None
        }
        self._attributes |= found

    def __enter__(self) -> Self:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        above = None
        if self._parent is not None:
            above = TraceContextTextMapPropagator().extract({"traceparent": self._parent})
        kind = trace.SpanKind[self._kind.upper()]
        self._span = self._spans.tracer.start_span(self._name, above, kind)
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from opentelemetry import context
        from opentelemetry.trace import StatusCode

        context.detach(self._token)
        self._span.set_attributes(self._attributes)
        is_expected = self._expected is not None and isinstance(error, self._expected)
        # By its name alone: messages may hold what people wrote.
        if isinstance(error, Exception) and not is_expected:
            self._span.set_status(StatusCode.ERROR, type(error).__name__)
        self._span.end()


_NOTHING = _Nothing()
_spans: _Spans | None = None


def start(service: str) -> None:
    """From now on spans are sent. Called again, it changes nothing."""
    global _spans  # noqa: PLW0603 - a process has one, as it has one log
    if _spans is None:
        _spans = _Spans(service)


def stop() -> None:
    """Send what waits to be sent; blocks as long as that takes, within the exporter's time-out."""
    global _spans
    spans, _spans = _spans, None
    if spans is not None:
        spans.provider.shutdown()


def is_on() -> bool:
    """Whether spans are made."""
    return _spans is not None


def span(
    name: str,
    kind: Kind = "internal",
    parent: str | None = None,
    *,
    expected: type[Exception] | None = None,
    **attributes: object,
) -> Span:
    """Work that begins with the block, below `parent` (a W3C `traceparent`) or else what is under way.

    `expected` is an exception that is no failure of this work.
    """
    if _spans is None:
        return _NOTHING
    opened = _Open(_spans, name, kind, parent, expected)
    opened.set(**attributes)
    return opened


def here() -> str | None:
    """Where we are, as a `traceparent`, for whoever carries this on; None where traces are off."""
    if _spans is None:
        return None
    from opentelemetry import trace

    at = trace.get_current_span().get_span_context()
    if not at.is_valid:
        return None
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{int(at.trace_flags):02x}"


def _plain(value: object) -> str | bool | int | float:
    return value if isinstance(value, str | bool | int | float) else str(value)
