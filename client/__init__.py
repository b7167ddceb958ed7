"""The public API from Python: one socket for everything, and streams that go on after a cut.

Knows nothing of the house behind the address: what it can do, any client can do.
"""
