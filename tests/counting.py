"""Counting the statements that are carried out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asyncpg.pool import PoolConnectionProxy

_FRAME = ("begin", "commit", "rollback")


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """The statements that connections of the pool carry meanwhile."""
    found: Counter[str] = Counter()
    proxy: Any = PoolConnectionProxy
    originals = {name: getattr(proxy, name) for name in ("fetch", "fetchrow", "execute")}

    def counting(original: Any) -> Any:
        def count(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
            if not sql.startswith(_FRAME):
                found[sql] += 1
            return original(self, sql, *arguments, **options)

        return count

    for name, original in originals.items():
        setattr(proxy, name, counting(original))
    try:
        yield found
    finally:
        for name, original in originals.items():
            setattr(proxy, name, original)
