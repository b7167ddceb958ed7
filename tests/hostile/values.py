"""Values that nobody means well with, by the GraphQL type of the argument that they are for.

What only a running test knows (an id that is there, a cursor, a token) stands as a placeholder, so that
a case that failed can be made again: `@@mine task 0@@` is the first task that the sender knows of.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ids import Kind, encode, new_id
from tests.hostile.sentences import SENTENCES, TITLE

MARKER = "@@mine marker 0@@"
"Stands in much of what a user writes: nobody else may ever read it."


@dataclass(frozen=True)
class Word:
    """An enum value, which has no quotes in a document."""

    name: str


def _cursor(parts: list[Any]) -> str:
    return urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).rstrip(b"=").decode()


def _nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def held(*kinds: str) -> st.SearchStrategy[str]:
    """Something that is there: the sender's own, or the other user's."""
    return st.builds(
        "@@{} {} {}@@".format, st.sampled_from(("mine", "theirs")), st.sampled_from(kinds), st.integers(0, 3)
    )


PIECES = (
    "a", "é", "e\u0301", "\u200f\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\u202emalicious\u202c", "😀",
    "👩‍👩‍👧‍👦",
    "\x01", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\ufeff", "\ufffd", "\uffff", "\U0010ffff", "\t",
    "\r\n", "\\",
    '"', "'", "%", "_", "$1", ":x", "';--", "{}", "<b>", "&amp;", "ß", "İ", "ﬀ", "\u0e33", " ", "\u3000",
    "\u200b",
)  # fmt: skip
LENGTHS = (
    1,
    2,
    11,
    12,
    199,
    200,
    201,
    254,
    255,
    256,
    499,
    500,
    501,
    999,
    1_000,
    1_001,
    4_097,
    9_999,
    10_000,
    10_001,
)

texts = st.one_of(
    st.sampled_from(("", " ", "null", "0", "true", "[]", "None", "undefined")),
    st.builds(lambda piece, n: (piece * n)[:n], st.sampled_from(PIECES), st.sampled_from(LENGTHS)),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20),
    held("task", "execution", "cursor", "token"),
)
unfit = st.sampled_from(("\0", "a\0b", "\ud800", "x\udfff", "\udc00\ud800"))
"Not to be said in a request at all."

marked = st.builds(
    "{} {}".format, st.just(MARKER), st.sampled_from(PIECES) | st.text("ab \u0301", max_size=5)
)

_never = encode(Kind.TASK, new_id())
malformed_ids = st.sampled_from((
    "", "_", "task", "task_", "_" + _never[5:], _never[:-1], _never + "0", _never.upper(), " " + _never,
    _never + "\n", "Task" + _never[4:], "task_" + "8" + "z" * 25, "task_" + "z" * 26, "task_" + "u" * 26,
    "task_" + "é" * 26, "task_" + "😀" * 13,
    "tasks_" + _never[5:], "task__" + _never[5:], "nope_" + _never[5:],
    "00000000-0000-0000-0000-000000000000", "{00000000}", "1", "VGFzazox", "x" * 10_000, "😀", "\u202e",
    "'; --",
))  # fmt: skip
never_ids = st.builds(
    "{}_{}".format, st.sampled_from([*Kind]), st.sampled_from((_never[5:], "0" * 26, "7" + "z" * 25))
)


def ids(kind: str) -> st.SearchStrategy[str | int]:
    """Ids where one of this kind is asked for."""
    fitting, existing = held(kind), held(*(one.name.lower() for one in Kind))
    return st.one_of(
        fitting, fitting, fitting, existing, never_ids, malformed_ids, st.integers(-(2**53), 2**53)
    )


integers = st.sampled_from(
    (0, 1, -1, 2, 3, 49, 50, 51, 99, 100, 101, 1_000, 1_001, 2**31 - 1, -(2**31))
) | st.integers(1, 5)
floats = st.sampled_from((0.0, -0.0, 0.7, 2.0, 2.0000001, -1.0, 5e-324, 1e308, Word("1e999"))) | integers
waits = st.sampled_from((0, 1, 5, -1, 30_001, 2**31 - 1, -(2**31)))
"For arguments that make the server wait: short, or refused."

instants = st.datetimes().map(lambda at: f"{at.isoformat()}Z") | st.sampled_from((
    "2026-03-04T10:00:00Z", "2026-03-04t10:00:00z", "2026-03-04T10:00:00.123456789+05:45",
    "2026-03-04T10:00Z",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00-14:00",
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59+23:59",
    "0000-01-01T00:00:00Z",
    "2016-12-31T23:59:60Z", "2026-02-29T00:00:00Z", "2024-02-29T24:00:00Z", "2026-03-04T10:00:00",
    "2026-03-04",
    "2026-W10-3T10:00:00Z", "20260304T100000Z", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "1e9",
    "now", "",
    "infinity", "2026-03-04T10:00:00+24:00", "2026-03-04T10:00:00+00:00:01", "２０２６-03-04T10:00:00Z", "T",
    "Z" * 500,
)) | st.integers(-(2**31), 2**31 - 1)  # fmt: skip

zones = st.sampled_from((
    "UTC", "Europe/Berlin", "Pacific/Kiritimati", "Asia/Kathmandu", "europe/berlin", "Europe", "", " ",
    ".", "..", "/",
    "//", "../../etc/passwd", "/etc/localtime", "Europe/", "Europe//Berlin", "Europe/Berlin/x",
    "tzdata.zi", "zone.tab",
    "__init__.py", "posixrules", "UTC\n", "ＵＴＣ", "😀", "a" * 10_000, "Etc/GMT+25", "EST5EDT", "Factory",
    "right/UTC",
))  # fmt: skip
crons = st.sampled_from((
    "0 9 * * 1", "*/5 * * * *", "0 0 29 2 1", "* * * * *", "0 0 L * 5L", "0 0 30 2 *", "0 0 */20 * 1L", "",
    "* * * * * *", "@daily", "*/0 * * * *", "² * * * *", "* * * * 1#9", "1-1-1 * * * *",
    "1," * 500 + "1 * * * *", "9" * 5_000 + " * * * *",
))  # fmt: skip
sentences = st.builds(
    "{}{}".format,
    st.sampled_from([text.replace(TITLE, MARKER) for text in SENTENCES]),
    st.just("") | st.sampled_from(PIECES),
)
emails = st.sampled_from((
    "someone@example.com", "SOMEONE@EXAMPLE.COM", "a@b", "@", "a@", "@b.c",
    "a b@example.com", '"a b"@example.com', "ü@müller.de",
    "a@xn--a.com", "a@[127.0.0.1]", "a@[IPv6:::1]", "a" * 65 + "@example.com", "a@" + "b" * 300 + ".com",
    "a@b..c", "a@-.com",
    "a@😀.com", "a@example.com\n", "a\r\nb@example.com", "<a@example.com>", "a@\u202eexample.com",
    "a@İ.com", "a@ß.de", "a@xn--.com",
))  # fmt: skip
passwords = st.sampled_from(
    ("correct horse battery", "x" * 11, "x" * 12, "x" * 1_000, "x" * 1_001, "é" * 12, "", " " * 12)
)
cursors = st.one_of(
    held("cursor"),
    st.sampled_from(("", "=", "====", "AA", "AA==", "W10", "bnVsbA", "e30", "WyJDUkVBVEVEX0FUIl0", "é",
    "😀", "-_-_", "+/", "0")),
    st.sampled_from(("CREATED_AT", "DUE_AT", "PRIORITY", "NUMBER", "TITLE")).flatmap(
        lambda order: st.builds(
            lambda value, of: _cursor([order, value, of]),
            st.sampled_from((
                None, True, 0, -1, 2**31 - 1, 2**31, 2**63, 1.5, "", "x", "2026-01-01T00:00:00",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00Z", "2026-01-01", [], {}, "\ufffe",
                "é" * 300,
            )),
            st.sampled_from(("01890a5d-ac96-774b-bcce-b302099a8057", "x", "", None, 5,
            "{01890a5dac96774bbcceb302099a8057}")),
        )
    ),
)  # fmt: skip
keys = st.sampled_from(
    ("k", "K", "k ", "é", "😀", "", " ", "\n", "\u200b", "k" * 255, "k" * 256, "k" * 5_000)
)
tokens = st.one_of(
    held("token"),
    st.sampled_from(
        (
            "",
            ".",
            "..",
            "a.b.c",
            "eyJhbGciOiJub25lIn0.e30.",
            "eyJhbGciOiJIUzI1NiJ9.e30.AA",
            "é.é.é",
            "x" * 9_000,
        )
    ),
)
searches = st.sampled_from(
    (
        "milk",
        '"',
        "a & | !",
        "-",
        "or or",
        '"a" -b OR',
        "%",
        "\\",
        "x" * 200,
        "x" * 201,
        "😀" * 200,
        "' or 1=1",
    )
)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        (0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 0.1, -0.0, 1e308, 5e-324, 1e22)
    ),
    texts,
)
json_values = st.one_of(
    st.recursive(
        _scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(texts | st.sampled_from(("a", "b")), inner, max_size=3)
        ),
        max_leaves=5,
    ),
    st.dictionaries(st.sampled_from(("a", "run", "constructor", "__proto__")), _scalars, max_size=3),
    st.builds(_nested, st.sampled_from((5, 30, 31, 32, 33, 62, 63, 64, 65, 200))),
    st.builds(lambda n: {"n": n}, st.sampled_from((2**64, 10**40, -(10**40), Word("1e999"), Word("-1e999")))),
)
"In a body, numbers beyond 64 bits are floats; in a document they are whatever the document says."

NAMED: dict[str, st.SearchStrategy[Any]] = {
    "title": marked,
    "description": marked,
    "search": searches,
    "timeZone": zones,
    "cron": crons,
    "message": sentences,
    "input": sentences,
    "email": emails,
    "password": passwords,
    "after": cursors,
    "before": cursors,
    "idempotencyKey": keys,
    "confirmToken": tokens,
    "refreshToken": tokens,
}
"What fits a string of this name, often enough to get somewhere."


def strings(name: str) -> st.SearchStrategy[str]:
    """For a string argument, or a string field of an input."""
    return st.one_of(*[NAMED.get(name, marked)] * 3, texts)
