"""Ids: UUIDv7 inside, TypeIDs (`task_01h455vb4pex5vsknk084sn02q`) outside. Spec: TypeID 0.3.0."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7

from errors import InvalidId

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}
_LENGTH = 26
_LOW = (1 << 40) - 1

# Many ids at once are one long number, each with a lane of 28 digits in base 64, of which a library makes
# text in one go. The first two digits of a lane are a mark, which no digit of base 32 can be.
_BASE_64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_MARK = "||"
_DIGITS = bytes.maketrans(_BASE_64, f"{_ALPHABET}{_MARK[0] * 32}".encode())
_LANE, _LANE_BYTES = 168, 21
_BETWEEN = bytes(_LANE_BYTES - 16)
_AT_ONCE = 128


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


def new_name() -> str:
    """As fresh, 32 hexadecimal digits, for what has a name in logs alone: a quarter of the time."""
    return uuid_utils.uuid7().hex


def encode(kind: Kind, value: UUID) -> str:
    """The outside form of an id."""
    number = value.int
    # Written out, and cut into numbers that a processor takes in one piece: lists of ids are mostly this.
    a, b, c, p = number >> 80, number >> 40 & _LOW, number & _LOW, _PAIRS
    return (
        f"{kind}_{p[a >> 40]}{p[a >> 30 & 1023]}{p[a >> 20 & 1023]}{p[a >> 10 & 1023]}{p[a & 1023]}"
        f"{p[b >> 30]}{p[b >> 20 & 1023]}{p[b >> 10 & 1023]}{p[b & 1023]}"
        f"{p[c >> 30]}{p[c >> 20 & 1023]}{p[c >> 10 & 1023]}{p[c & 1023]}"
    )


def encode_all(kind: Kind, values: Sequence[UUID]) -> list[str]:
    """The same for each of many: a fifth to a third of the time where there are dozens."""
    if len(values) < 2:
        return [encode(kind, value) for value in values]
    if len(values) > _AT_ONCE:
        return encode_all(kind, values[:_AT_ONCE]) + encode_all(kind, values[_AT_ONCE:])
    number = int.from_bytes(_BETWEEN.join([value.bytes for value in values]))
    for moved, factor in _MOVES:
        number += (number & moved) * factor
    number |= _MARKS >> _LANE * (_AT_ONCE - len(values))
    text = b2a_base64(number.to_bytes(_LANE_BYTES * len(values)), newline=False).translate(_DIGITS).decode()
    return text.replace(_MARK, f"|{kind}_").split("|")[1:]


def _in_each_lane(bits: int) -> int:
    return sum(bits << _LANE * place for place in range(_AT_ONCE))


def _moves() -> list[tuple[int, int]]:
    """How digits of 5 bits come to be 6 bits apart: first every one above 16 moves by 16 bits, then of each
    half every one above 8 by 8, and so on. What stands at these bits is added once more, so much further up,
    and taken away where it was: times 2 ^ distance - 1."""
    at = [5 * digit for digit in range(_LENGTH)]
    found: list[tuple[int, int]] = []
    for distance in (16, 8, 4, 2, 1):
        moving = [digit for digit in range(_LENGTH) if digit & distance]
        found.append((_in_each_lane(sum(31 << at[digit] for digit in moving)), (1 << distance) - 1))
        for digit in moving:
            at[digit] += distance
    return found


_MOVES = _moves()
_MARKS = _in_each_lane(0b100000_100000 << 6 * _LENGTH)


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
