"""Keeps secrets out of logs: what looks like one, and those that this process knows."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType

_SHOWN = "[secret]"
_SHORTEST = 6
"Of a known secret: a shorter one would blot out ordinary words."
_LOOKS = re.compile(
    r"""(?ix)
      \b bearer \s+ [^\s"']+                                    # Authorization: Bearer …
    | \b eyJ [\w-]+ \. [\w-]+ (?: \. [\w-]* )?                  # a JWT
    | (?<= :// ) [^/\s@"']+ (?= @ )                             # user:password@ of an address
    | \b sk- [\w-]{16,}                                         # a model provider's key
    | (?<= password [=:] ) [^\s"',&}]+                          # password=…
    | (?: password | secret | token | api_?key ) ["']? \s* [=:] \s* ["'] [^"']+ ["']   # "password": "…"
    """
)
_known: set[str] = set()


def redact(text: str) -> str:
    """The text without what looks like a secret, and without those that were learnt."""
    for secret in _known:
        text = text.replace(secret, _SHOWN)
    return _LOOKS.sub(_SHOWN, text)


def learn(secrets: Iterable[str]) -> None:
    """Blot these out from now on, however they come to stand in a log."""
    _known.update(secret for secret in secrets if len(secret) >= _SHORTEST)


class Redacting(logging.Formatter):
    """Another formatter's lines, tracebacks included, without secrets."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """As the other does."""
        return redact(self._inner.format(record))


def shield_logs() -> None:
    """Every handler that there is now writes without secrets; so does the end of a process that crashes."""
    names = [
        name for name, one in logging.Logger.manager.loggerDict.items() if isinstance(one, logging.Logger)
    ]
    for logger in (logging.getLogger(), *map(logging.getLogger, names)):
        for handler in logger.handlers:
            if not isinstance(handler.formatter, Redacting):
                handler.setFormatter(Redacting(handler.formatter or logging.Formatter()))
    sys.excepthook = _say


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))
