"""What looks like personal data is found in whole columns at once, and it is what the patterns find in each value."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sanitisers.detectors import EMAIL, NATIONAL_INSURANCE, PHONE, POSTCODE, find, in_plain_characters
from sanitisers.engine.document_texts import appended
from sanitisers.engine.looks import KINDS, find_looks
from sanitisers.engine.plain_characters import in_plain_bytes
from sanitisers.engine.values import Values
from tests.sanitisers.test_detectors import NOBODYS, PERSONAL

Found = Counter[tuple[int, str, str]]


def together(values: list[bytes]) -> Found:
    return Counter((one.owner, one.kind, one.text) for one in find_looks(appended(Values.of([]), values)))


def one_by_one(values: list[bytes]) -> Found:
    found: Found = Counter()
    for index, value in enumerate(values):
        text = value.decode("utf-8", "replace")
        plain = in_plain_characters(text)
        found.update((index, one.kind, plain[one.start : one.end]) for one in find(text) if one.kind in KINDS)
    return found


_UUIDS = ["0d4f5c6e-1234-4321-8888-012345678901", "abcdefab-abcd-abcd-abcd-447700900123"]
_ADDRESSES = [
    "jo.bloggs@gov.uk",
    "@",
    "%40",
    "％４０",
    "＠",
    "jo",
    '"jo"',
    "gov.uk",
    "例子。公司",
    "%s@x.uk",
    "@example.com",
]
_NUMBERS = [
    "0",
    "07",
    "7700",
    "900123",
    "44",
    "+44",
    "+",
    "(0)",
    "212",
    "555",
    "0123",
    "00",
    "1",
    "123456",
    "2021-03-04",
]
_ACCOUNTS = ["4111", "1111", "GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000", "GB29"]
_CODES = ["SW1A", "2AA", "sw1a", "2aa", "M1", "1AE", "E1", "AB", "12", "34", "56", "C", "AB123456C", "ab", "_", "é"]
_MARKS = [
    " ",
    "  ",
    "-",
    ".",
    "/",
    "(",
    ")",
    ":",
    "\u00a0",
    "\u2009",
    "\u2011",
    "\u2013",
    "\n",
    '"',
    "'",
    "x",
    "٠٧٧",
    "²",
]
_parts = st.sampled_from([*_UUIDS, *_ADDRESSES, *_NUMBERS, *_ACCOUNTS, *_CODES, *_MARKS, *_MARKS])
_texts = st.lists(_parts, max_size=12).map(lambda parts: "".join(parts).encode())
_any = st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
_shapes = st.text("0123456789 -+().:/@ABCab%é–", max_size=40).map(str.encode)
_broken = st.binary(max_size=30).filter(lambda value: not {0, 9, 10} & set(value))


@settings(deadline=None, max_examples=400)
@given(st.lists(_texts | _any | _shapes | _broken, max_size=6))
@example([b"1 " * 40 + b"07700 900123", b"x" * 300 + b"@x.uk", b"a@" + b"b" * 300 + b".uk"])
@example(["é".encode() * 70 + b"@" + "é".encode() * 300 + b".uk"])
@example([b"+33123459", b"(212) -555-0123", b"abcdefab-abcd-abcd-abcd-447700900123", b"447700900123"])
@example([b"900123-2021 ", b"+44\xc2", b"\xa07700900123", b"\xc2\xa007700900123"])
def test_whole_columns_give_what_each_value_gives(values: list[bytes]) -> None:
    assert together(values) == one_by_one(values)


@pytest.mark.parametrize("kind", KINDS)
def test_each_shape_is_found_whatever_is_beside_it(kind: str) -> None:
    values = [
        around.format(text).encode() for text in PERSONAL[kind] for around in ("{}", "x\n{}\ny", "({})", "é {} é")
    ]
    assert together(values) == one_by_one(values)
    assert {owner for owner, found, _ in together(values) if found == kind} == set(range(len(values)))


def test_what_is_nobodys_is_not_found_together_either() -> None:
    assert together([text.encode() for text in NOBODYS]) == Counter()


def test_neighbours_never_make_one() -> None:
    assert together([b"07700", b"900123", b"jo", b"@gov.uk", b"SW1A", b"2AA", b"AB", b"123456", b"C"]) == Counter()


@given(st.lists(_any | _texts | _broken, max_size=6))
def test_characters_are_read_as_the_detectors_read_them(values: list[bytes]) -> None:
    plain = in_plain_bytes(appended(Values.of([]), values))
    assert len(plain.starts) == len(values)
    for value, start, end in zip(values, plain.starts.tolist(), plain.ends.tolist(), strict=True):
        text = value.decode("utf-8", "replace")
        pairs = zip(text, in_plain_characters(text), strict=True)
        expected = "".join(usual if usual.isascii() else other for other, usual in pairs)
        assert plain.buffer[start:end].tobytes().decode("utf-8", "replace") == expected
    assert np.all(plain.starts <= plain.ends)


@pytest.mark.parametrize(
    "part", ["a@", "@a.", "a.@a.", "0 ", "07 7", "+1 ", "AB12 ", "E1 2", "1é", "AB 12 34 56", "07700 900123 ", "٠٧"]
)
@pytest.mark.timeout(60)
def test_no_long_value_makes_it_stop(part: str) -> None:
    value = (part * (200_000 // len(part))).encode()
    assert sum(together([value]).values()) >= 0


def test_the_kinds_are_those_of_people() -> None:
    assert KINDS == (EMAIL, PHONE, POSTCODE, NATIONAL_INSURANCE)
