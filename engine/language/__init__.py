"""The task agent's understanding of language: pure, without a model, driven by the grammar in `data`."""

from __future__ import annotations

from engine.language.agent import plan, understand
from engine.language.intents import Intent, Priority
from engine.language.messages import EmptyMessage, MessageError, MessageTooLong
from engine.language.patterns import compile_all
from engine.language.resolution import Ambiguous, Candidate, KnownTask, Match, Missing, resolve
from engine.language.understanding import Understanding

__all__ = [
    "Ambiguous",
    "Candidate",
    "EmptyMessage",
    "Intent",
    "KnownTask",
    "Match",
    "MessageError",
    "MessageTooLong",
    "Missing",
    "Priority",
    "Understanding",
    "compile_all",
    "plan",
    "resolve",
    "understand",
]
