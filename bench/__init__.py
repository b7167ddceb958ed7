"""Measurements, each `python -m bench.<name>`: what was promised, and a floor beside it in one run.

No test times anything; these do, and `docs/performance.md` says what they found.
"""
