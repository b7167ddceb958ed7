"""Lines of log: JSON for machines or words for people, with the ids of what they are about, without secrets.

Everybody logs with `logging`, libraries too; what their records become is decided here.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from uuid import UUID

import orjson
import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from ids import Kind, encode
from redaction import Redacting, redact, shield_logs

Form: TypeAlias = Literal["json", "console"]
_Line: TypeAlias = MutableMapping[str, Any]

_TALKATIVE = ("alembic", "mcp", "asyncio", "httpx", "httpx2", "httpcore", "openai")
"Of these only what is wrong."
_HANDLERS_OF_THEIR_OWN = ("uvicorn", "uvicorn.error", "uvicorn.access")
_KINDS = {"user_id": Kind.USER, "execution_id": Kind.EXECUTION}
_SECRET_NAMES = ("password", "secret", "token", "api_key", "apikey", "authorization")

_about: ContextVar[Mapping[str, object]] = ContextVar("about", default=MappingProxyType({}))


def about(**names: object) -> None:
    """From now on, lines of this task (and of those that it starts) say these: request, user, run.

    It costs next to nothing: ids are written out by the line that is logged.
    """
    _about.set({**_about.get(), **names})


def set_up(form: Form, level: str) -> None:
    """Have everything that is logged in this process written to stderr in this form.

    `level` is for our own loggers (`baton…`); of libraries there is nothing below INFO.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level.upper()]))
    logging.getLogger("baton").setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _HANDLERS_OF_THEIR_OWN:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    structlog.configure(  # for tools of the operator's that log with it
        processors=[*_BEFORE, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    shield_logs()


class _Lines(Redacting):
    """Secrets are blotted out of the values, before these are put together: a line of JSON stays one."""

    def __init__(self, form: Form) -> None:
        renderer = (
            _json
            if form == "json"
            else structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        )
        after = [ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, _blot]
        self._lines = ProcessorFormatter(foreign_pre_chain=_BEFORE, processors=[*after, renderer])
        super().__init__(self._lines)

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return self._lines.format(record)


def _add_what_it_is_about(_: Any, __: str, line: _Line) -> _Line:
    for name, value in _about.get().items():
        line.setdefault(name, value)
    return line


def _write_ids(_: Any, __: str, line: _Line) -> _Line:
    """As clients see them."""
    for name, kind in _KINDS.items():
        if isinstance(value := line.get(name), UUID):
            line[name] = encode(kind, value)
    return line


def _blot(_: Any, __: str, line: _Line) -> _Line:
    return {name: _blotted(name, value) for name, value in line.items()}


def _blotted(name: str, value: object) -> object:
    if any(secret in name.lower() for secret in _SECRET_NAMES):
        return "[secret]"
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(value if isinstance(value, str) else str(value))


def _json(_: Any, __: str, line: _Line) -> str:
    return orjson.dumps(dict(line), default=str).decode()


_BEFORE = [
    structlog.contextvars.merge_contextvars,
    _add_what_it_is_about,
    ExtraAdder(),
    _write_ids,
    add_logger_name,
    add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
