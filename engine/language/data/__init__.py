"""The grammar's words and frames, in files a person can extend, and the typed way to read them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import cast

Table = dict[str, object]


@cache
def table(name: str) -> Table:
    """The whole of `name`.toml."""
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def as_strings(value: object) -> tuple[str, ...]:
    """A TOML array of strings."""
    return tuple(str(item) for item in cast("list[object]", value))


def strings(name: str, key: str) -> tuple[str, ...]:
    """The array of strings `key` of `name`.toml."""
    return as_strings(table(name)[key])


def string_lists(name: str, key: str) -> dict[str, tuple[str, ...]]:
    """The table of arrays of strings `key` of `name`.toml."""
    return {word: as_strings(value) for word, value in cast("Table", table(name)[key]).items()}


def texts(name: str, key: str) -> dict[str, str]:
    """The table of strings `key` of `name`.toml."""
    return {word: str(value) for word, value in cast("Table", table(name)[key]).items()}


def tables(name: str, key: str) -> tuple[Table, ...]:
    """The array of tables `key` of `name`.toml."""
    return tuple(cast("list[Table]", table(name)[key]))
