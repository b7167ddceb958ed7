"""Arguments that may be left out: the SDL gives them no default, and to us they are None."""

from __future__ import annotations

from typing import TypeVar

import strawberry

from resolvers.paging import Window

T = TypeVar("T")


def or_none(value: T) -> T | None:
    """None for an argument that was left out."""
    return None if value is strawberry.UNSET else value


def window(
    first: int | None,
    after: str | None,
    last: int | None = strawberry.UNSET,
    before: str | None = strawberry.UNSET,
) -> Window:
    """The arguments of a connection."""
    return Window(or_none(first), or_none(after), or_none(last), or_none(before))
