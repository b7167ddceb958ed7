"""Which media type an answer has, by the `Accept` header."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache


class Media(StrEnum):
    """What we can answer with; the better one first where a caller likes both the same."""

    GRAPHQL = "application/graphql-response+json"
    JSON = "application/json"
    EVENTS = "text/event-stream"
    HTML = "text/html"


# Only the oldest media type may be meant by a wildcard: what else there is must be asked for by name.
_WILDCARDS = ("application/*", "*/*")


class Accept:
    """A parsed `Accept` header; without one, any type will do."""

    def __init__(self, header: str | None) -> None:
        ranges = [_range(part) for part in (header or "*/*").split(",")]
        self._quality = {name: quality for name, quality in ranges if quality is not None}
        self.answer = self.best((Media.GRAPHQL, Media.JSON, Media.EVENTS))
        "What an operation is answered as."

    def quality(self, media: Media) -> float:
        """Between 0 (not acceptable) and 1."""
        names = (media.value, *(_WILDCARDS if media is Media.JSON else ()))
        return next((self._quality[name] for name in names if name in self._quality), 0.0)

    def best(self, offers: Sequence[Media]) -> Media | None:
        """The caller's favourite; the first of several, None if all are refused."""
        best = max(offers, key=self.quality)
        return best if self.quality(best) > 0 else None


_USUAL = lru_cache(256)(Accept)
_USUAL_LENGTH = 200


def accepted(header: str | None) -> Accept:
    """The header, parsed; usual ones but once."""
    return _USUAL(header) if header is None or len(header) <= _USUAL_LENGTH else Accept(header)


def media_type(value: str) -> tuple[str, dict[str, str]]:
    """A media type or range, lower-case, and its parameters."""
    name, *parts = value.split(";")
    pairs = [part.partition("=") for part in parts]
    return name.strip().lower(), {k.strip().lower(): v.strip().strip('"').lower() for k, _, v in pairs}


def _range(part: str) -> tuple[str, float | None]:
    name, parameters = media_type(part)
    if parameters.get("charset", "utf-8") not in {"utf-8", "utf8"}:
        return name, None
    try:
        return name, min(1.0, max(0.0, float(parameters.get("q", "1"))))
    except ValueError:
        return name, None
