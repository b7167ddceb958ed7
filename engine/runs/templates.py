"""Text with `{{name}}` in it: which names it speaks of, and what it says once they are known."""

from __future__ import annotations

import re
from collections.abc import Mapping

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
"What a name is made of. Braces around anything else are just text."

_REFERENCE = re.compile(r"\{\{\s*(" + NAME + r")\s*\}\}")


def is_name(text: str) -> bool:
    """Whether `{{text}}` would be a reference."""
    return re.fullmatch(NAME, text) is not None


def references(template: str) -> list[str]:
    """The names that it speaks of, each once, in order."""
    return list(dict.fromkeys(_REFERENCE.findall(template)))


def fill(template: str, values: Mapping[str, str]) -> str:
    """The text with every reference replaced. What a value holds is text, whatever it looks like.

    Raises KeyError for a name that has no value.
    """
    return _REFERENCE.sub(lambda found: values[found[1]], template)
