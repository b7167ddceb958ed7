"""The interface that every object with an id has."""

from __future__ import annotations

import strawberry


@strawberry.interface(
    description="An object with a global id. Ids are opaque to clients; ours are TypeIDs such as "
    "`task_01h455vb4pex5vsknk084sn02q`."
)
class Node:
    """Anything that `node(id)` can find."""

    id: strawberry.ID
