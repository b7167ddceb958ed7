"""What of the contract is not built yet. Shrinks with each issue, to nothing.

A name stands for all that is below it: `Agent` also for `Agent.id` and `Agent: Node`.
"""

ENGINE = """
"""

CONVERSATIONS = """
"""

NOT_BUILT = frozenset((ENGINE + CONVERSATIONS).split())
