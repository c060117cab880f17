"""Predicates and rows at random, and a plain reading of both: value by value, with Python's own types."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from sanitisers.engine.copy_text import encode
from sanitisers.predicate import tree
from tests.sanitisers.columns import Column

LABELS = ("open", "Open", "it's", "a,b", "ü\\n", "closed")
UUIDS = ("00000000-0000-0000-0000-000000000000", "6f0e8a52-aaaa-4000-8000-00000000000f")
COLUMNS = (
    Column("id", "integer", not_null=True),
    Column("t", "text"),
    Column("Name", "character varying(20)", max_length=20),
    Column("s", "smallint"),
    Column("n", "integer"),
    Column("big", "bigint"),
    Column("b", "boolean"),
    Column("b2", "boolean"),
    Column("d", "date"),
    Column("ts", "timestamp without time zone"),
    Column("tz", "timestamp with time zone"),
    Column("e", "public.label", enum=True, labels=LABELS),
    Column("u", "uuid"),
    Column("other", "jsonb"),
)
NUMBERS = {"s": (-32768, 0, 7, 32767), "n": (-2147483648, -1, 0, 7, 2147483647), "big": (-(2**63), -5, 0, 7, 2**63 - 1)}
_ODD_TEXT = "a\\\t\n\r\b\f\v'\"\u00e9\u20ac, N"
texts = st.sampled_from(["", "a", "\\N", "it's", "open ", "\u00e9", "a\tb", "a\nb", "\\x41", "\\."]) | st.text(
    _ODD_TEXT, max_size=3
)
DATES = ("2020-02-29", "1999-12-31", "0002-01-01", "9998-12-31")
STAMPS = ("2020-02-29 00:00:00", "1999-12-31 23:59:59.999999", "2020-02-29 12:30:00.5", "0002-01-01 00:00:00")
ZONES = ("+00", "-05:30", "+14", "Z", "+00:19:32")
FAR = ("infinity", "-infinity", "0044-03-15 BC", "12345-06-07")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "t": texts,
    "Name": texts,
    **{name: st.sampled_from(numbers) for name, numbers in NUMBERS.items()},
    "b": st.booleans(),
    "b2": st.booleans(),
    "d": st.sampled_from(DATES + FAR),
    "ts": st.sampled_from(STAMPS + FAR),
    "tz": st.sampled_from([*(f"{stamp}{zone}" for stamp in STAMPS for zone in ZONES), *FAR]),
    "e": st.sampled_from(LABELS),
    "u": st.sampled_from(UUIDS),
    "other": st.sampled_from(["null", '{"a": "\\\\n"}']),
}
"""What a column may hold, as the server reads it."""


@st.composite
def rows(draw: st.DrawFn, most: int = 12) -> list[tuple[Any, ...]]:
    """Rows of COLUMNS, numbered from 1."""
    values = [st.none() | strategy for strategy in VALUES.values()]
    drawn = draw(st.lists(st.tuples(*values), max_size=most))
    return [(number, *row) for number, row in enumerate(drawn, 1)]


def _plainly(value: Any, column: Column) -> str:
    """A value that is not NULL, as the server writes it."""
    if isinstance(value, bool):
        return "t" if value else "f"
    text = str(value)
    return text.replace("Z", "+00") if column.type.endswith("with time zone") else text


_SPELLINGS: Sequence[Callable[[bytes], bytes]] = (
    encode,
    lambda letter: b"".join(b"\\%03o" % byte for byte in letter),
    lambda letter: b"".join(b"\\x%02x" % byte for byte in letter),
)


@st.composite
def spelt(draw: st.DrawFn, text: str) -> bytes:
    """A text with whatever escapes COPY reads."""
    # All bytes of a character in the same way: the server wants what is between escapes to be whole.
    ways = draw(st.lists(st.sampled_from(_SPELLINGS), min_size=len(text), max_size=len(text)))
    return b"".join(spell(letter.encode()) for spell, letter in zip(ways, text, strict=True))


@st.composite
def blocks(draw: st.DrawFn, rows: list[tuple[Any, ...]]) -> bytes:
    """The rows as COPY lines, some with other escapes than pg_dump's."""
    lines = []
    for row in rows:
        cells = []
        for value, column in zip(row, COLUMNS, strict=True):
            if value is None:
                cells.append(rb"\N")
                continue
            plain = _plainly(value, column)
            oddly = draw(st.sampled_from([False, False, True]))
            cells.append(draw(spelt(plain)) if oddly else encode(plain.encode()))
        lines.append(b"\t".join(cells) + b"\n")
    return b"".join(lines)


def _integers(name: str) -> st.SearchStrategy[str]:
    within = st.sampled_from(NUMBERS[name])
    return within.map(str) | within.map(lambda number: quoted(str(number))) | st.sampled_from(["+7", "- 1", "100000"])


LITERALS: Mapping[str, st.SearchStrategy[str]] = {
    "t": texts.map(quoted),
    '"Name"': texts.map(quoted),
    **{name: _integers(name) for name in NUMBERS},
    "b": st.sampled_from(["true", "FALSE", "'t'", "'Off'", "'1'"]),
    "B2": st.sampled_from(["TRUE", "'no'"]),
    "d": st.sampled_from([quoted(one) for one in DATES]),
    "ts": st.sampled_from([quoted(one) for one in (*STAMPS, "2020-02-29", "2020-02-29T12:30")]),
    "tz": st.sampled_from([quoted(f"{stamp}{zone}") for stamp in STAMPS for zone in ZONES]),
    "e": st.sampled_from([quoted(one) for one in LABELS]),
    "u": st.sampled_from([quoted(one) for one in (*UUIDS, UUIDS[1].upper())]),
}
"""What a column may be compared with, as it is written in a predicate."""
_BYTES = ("t", '"Name"', "e", "u")


@st.composite
def _simple(draw: st.DrawFn) -> str:
    column = draw(st.sampled_from([*LITERALS, "other"]))
    kind = draw(st.sampled_from(["null", "in", "compare", "compare", "bare"]))
    if kind == "bare":
        return draw(st.sampled_from(["b", "B2", "(b)", "TRUE", "false"]))
    if kind == "null" or column == "other":
        return f"{column} is {draw(st.sampled_from(['', 'NOT ']))}null"
    literals = draw(st.lists(LITERALS[column], min_size=1, max_size=3))
    if kind == "in":
        return f"{column} {draw(st.sampled_from(['', 'Not ']))}IN ({', '.join(literals)})"
    sign = draw(st.sampled_from(["=", "<>", "!="] if column in _BYTES else ["=", "<>", "<", "<=", ">", ">="]))
    if draw(st.booleans()) and sign != "!=":  # `!=-1` would be another operator to the server
        return f"{literals[0]} {sign} {column}"
    return f"{column}{draw(st.sampled_from([' ', chr(10)]))}{sign} {literals[0]}"


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tests = ["IS TRUE", "is not true", "IS FALSE", "IS NOT FALSE", "is unknown", "IS NOT NULL"]
    return (
        st.tuples(parts, st.sampled_from(["AND", "or"]), parts).map(" ".join)
        | parts.map(lambda part: f"NOT {part}")
        | parts.map(lambda part: f"({part})")
        | st.tuples(parts.map(lambda part: f"({part})"), st.sampled_from(tests)).map(" ".join)
    )


predicates = st.recursive(_simple(), _joined, max_leaves=6)
"""Where nothing is in parentheses, what binds closer is for the reader to know."""


# The plain reading.

_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def truth(part: tree.Predicate, row: Mapping[str, Any]) -> bool | None:
    """Whether a predicate is true of a row of plain values; None where it is unknown."""
    match part:
        case tree.Always(value=value):
            return value
        case tree.Bare(column=name):
            return None if row[name] is None else bool(row[name])
        case tree.Null(column=name):
            return row[name] is None
        case tree.Compared(column=name, operator=sign, value=value):
            return None if row[name] is None else _SIGNS[sign](row[name], plain(name, value))
        case tree.Among(column=name, values=values):
            return None if row[name] is None else row[name] in [plain(name, value) for value in values]
        case tree.Is(part=inner, wanted=wanted):
            return truth(inner, row) is wanted
        case tree.Not(part=inner):
            found = truth(inner, row)
            return None if found is None else not found
        case tree.And(parts=parts):
            return _all([truth(one, row) for one in parts])
        case tree.Or(parts=parts):
            none = _all([None if one is None else not one for one in (truth(one, row) for one in parts)])
            return None if none is None else not none


def _all(truths: Sequence[bool | None]) -> bool | None:
    if False in truths:
        return False
    return None if None in truths else True


def plain(name: str, value: Any) -> Any:
    """A value of a column, or one that it is compared with, as one of Python's that compares as the server does."""
    if name in NUMBERS:
        return int(value)
    if name in ("b", "b2"):
        return value if isinstance(value, bool) else value.lower() in ("t", "true", "yes", "on", "1")
    if name == "u":
        return value.lower()
    if name not in ("d", "ts", "tz"):
        return value
    if value in FAR:
        return (0,) if value.startswith("-") or value.endswith("BC") else (2,)
    moment = date.fromisoformat(value) if name == "d" else datetime.fromisoformat(value)
    if isinstance(moment, datetime) and name == "tz":
        return 1, moment.astimezone(UTC)
    return 1, moment
