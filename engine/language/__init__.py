"""The task agent's understanding of language: pure, without a model, driven by the grammar in `data`."""

from __future__ import annotations

from engine.language.agent import understand
from engine.language.understanding import Understanding

__all__ = ["Understanding", "understand"]
