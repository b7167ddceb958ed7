"""What comes from outside, as Postgres can keep it."""

from __future__ import annotations

from typing import Any

import orjson

MOST_BYTES = 1_048_576
"Of one answer of a tool, as JSON."

_NUL = b"\\u0000"
_REPLACEMENT = b"\\ufffd"


class NotStorable(ValueError):
    """The value is no JSON, or too long; the message says which."""


def storable(value: object) -> Any:
    """The value as plain JSON. NUL, which Postgres does not take, becomes U+FFFD. Raises NotStorable."""
    try:
        text = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise NotStorable(f"not JSON: {error}") from None
    if len(text) > MOST_BYTES:
        raise NotStorable(f"longer than {MOST_BYTES:,} bytes")
    if _NUL in text:
        # First every backslash that is a character, so that what is left is an escape.
        text = text.replace(b"\\\\", b"\\u005c").replace(_NUL, _REPLACEMENT)
    return orjson.loads(text)
