"""Ids: UUIDv7 inside, TypeIDs (`task_01h455vb4pex5vsknk084sn02q`) outside. Spec: TypeID 0.3.0."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from uuid_utils.compat import uuid7

from errors import InvalidId

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}
_LENGTH = 26
_LOW = (1 << 40) - 1


class Kind(StrEnum):
    """What an id names; the value is its prefix."""

    USER = "user"
    TASK = "task"
    EXECUTION = "exec"
    STEP = "step"
    AGENT = "agent"
    INTERRUPT = "intr"
    SCHEDULE = "sched"
    CONVERSATION = "conv"
    MESSAGE = "msg"
    TOOL_SERVER = "toolsrv"


def new_id() -> UUID:
    """A fresh UUIDv7: ids of one process ascend in the order they were made."""
    return uuid7()


def encode(kind: Kind, value: UUID) -> str:
    """The outside form of an id."""
    number = value.int
    # Written out, and cut into numbers that a processor takes in one piece: lists of ids are mostly this.
    a, b, c, p = number >> 80, number >> 40 & _LOW, number & _LOW, _PAIRS
    return (
        f"{kind.value}_{p[a >> 40]}{p[a >> 30 & 1023]}{p[a >> 20 & 1023]}{p[a >> 10 & 1023]}{p[a & 1023]}"
        f"{p[b >> 30]}{p[b >> 20 & 1023]}{p[b >> 10 & 1023]}{p[b & 1023]}"
        f"{p[c >> 30]}{p[c >> 20 & 1023]}{p[c >> 10 & 1023]}{p[c & 1023]}"
    )


def decode(kind: Kind, text: str) -> UUID:
    """The UUID of an id of this kind. Raises InvalidId for anything else."""
    found, value = parse(text)
    if found is not kind:
        raise InvalidId(f"This is not an id of the kind {kind.name.lower()}: {text[:60]!r}")
    return value


def parse(text: str) -> tuple[Kind, UUID]:
    """Kind and UUID of any id. Raises InvalidId."""
    prefix, _, digits = text.partition("_")
    try:
        return Kind(prefix), _uuid(digits)
    except (ValueError, KeyError):
        raise InvalidId(f"This is not an id: {text[:60]!r}") from None


def _uuid(digits: str) -> UUID:
    if len(digits) != _LENGTH:
        raise ValueError
    number = 0
    for start in range(0, _LENGTH, 2):
        number = number << 10 | _VALUES[digits[start : start + 2]]
    return UUID(int=number)  # 26 digits hold 130 bits: UUID() refuses more than 128
