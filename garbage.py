"""What the garbage collector of a process looks at, and how often."""

from __future__ import annotations

import gc

_THRESHOLDS = 10_000, 50, 100
"""When the collector looks: at so many new objects, at those that outlived 50 looks, and at all after 100 of
those. By Python's 700, 10, 10 a fifth of the processor went to it while thousands of streams were opened."""


def settle() -> None:
    """Keep the collector from walking what stays: the schema, the grammar, every library's objects.

    To be called when all of that is there. A full pass takes 135 ms of a server and 270 of a worker that
    knows providers, in which nothing else happens (docs/performance.md). Nor should it walk all sockets for
    each few that come: what comes and goes is looked at, what stays seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
