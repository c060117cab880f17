"""Each kernel beside a plain twin that gives the same answer."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sanitisers.engine.copy_text import encode
from sanitisers.engine.grid import PADDING
from sanitisers.engine.json_keys import LONGEST, Keys
from sanitisers.engine.json_nesting import DEEPEST, read_values
from sanitisers.engine.json_tokens import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    OPEN_LIST,
    OPEN_OBJECT,
    Documents,
    Unsure,
    find_strings,
    may_begin,
    outside_strings,
    read_tokens,
    runs_in,
)


def documents_of(texts: list[bytes]) -> Documents:
    edges = np.cumsum([0, *map(len, texts)])
    return Documents(np.frombuffer(b"".join(texts) + bytes(PADDING), np.uint8), edges)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)
containers = st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=3), values, max_size=4)
blanks = st.sampled_from([None, 1, "\t", "\r\n"])


def copied(value: Any, indent: Any, ascii: bool) -> bytes:
    return encode(json.dumps(value, indent=indent, ensure_ascii=ascii).encode())


@given(st.lists(st.integers(0, 60), unique=True).map(sorted))
def test_runs_are_neighbouring_places(places: list[int]) -> None:
    expected: list[list[int]] = []
    for place in places:
        if expected and place == sum(expected[-1]):
            expected[-1][1] += 1
        else:
            expected.append([place, 1])
    starts, lengths = runs_in(np.array(places, np.int64))
    assert [list(run) for run in zip(starts.tolist(), lengths.tolist(), strict=True)] == expected


@given(st.lists(containers, min_size=1, max_size=4), blanks, st.booleans())
def test_strings_are_those_that_a_pattern_finds(found: list[Any], indent: Any, ascii: bool) -> None:
    texts = [copied(value, indent, ascii) for value in found]
    documents = documents_of(texts)
    whole = b"".join(texts)
    pattern = re.compile(rb'"(?:[^"\\]|\\\\(?:\\\\|[^\\]))*"')
    matches = list(pattern.finditer(whole))
    strings = find_strings(documents)
    assert strings.opens.tolist() == [match.start() for match in matches]
    assert strings.closes.tolist() == [match.end() - 1 for match in matches]
    assert strings.escaped.tolist() == [i for i, match in enumerate(matches) if b"\\" in match.group()]
    inside = {place for match in matches for place in range(match.start() + 1, match.end())}
    outside = outside_strings(strings, len(whole)).tolist()
    assert outside == [place for place in range(len(whole)) if place not in inside]


def walked(value: Any, owner: int, key: str | None, found: list[tuple[Any, ...]], owners: list[int]) -> None:
    """Values in their order: kind, key, place of the owner among the values, text of a scalar or string."""
    place = len(found)
    if isinstance(value, dict | list):
        opening, closing = (OPEN_OBJECT, CLOSE_OBJECT) if isinstance(value, dict) else (OPEN_LIST, CLOSE_LIST)
        found.append((opening, key, owner, None))
        for name, inner in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            walked(inner, place, name, found, owners)
        found.append((closing, None, place, None))
    else:
        found.append((None, key, owner, value))


@given(st.lists(containers, min_size=1, max_size=4), blanks, st.booleans())
def test_values_are_those_that_json_reads(documents: list[Any], indent: Any, ascii: bool) -> None:
    texts = [copied(value, indent, ascii) for value in documents]
    expected: list[tuple[Any, ...]] = []
    for document in documents:
        walked(document, -1, None, expected, [])
    laid = documents_of(texts)
    values = read_values(laid, read_tokens(laid))
    whole = laid.text.tobytes()
    opens = [*values.brackets.opens.tolist(), -1]
    found = []
    for index, kind in enumerate(values.kinds.tolist()):
        keyed = bool(values.keyed[index])
        key = json.loads(plain(whole[values.key_starts[index] : values.key_ends[index]])) if keyed else None
        scalar = kind not in {OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST}
        text = whole[values.starts[index] : values.ends[index]]
        owner = opens[int(values.owners[index])]
        found.append((None if scalar else kind, key, owner, json.loads(plain(text)) if scalar else None))
        if kind in {OPEN_OBJECT, OPEN_LIST}:
            assert isinstance(json.loads(plain(text)), dict if kind == OPEN_OBJECT else list)
    assert found == expected


def plain(text: bytes) -> bytes:
    """COPY's escapes undone, for text without other control characters than blanks."""
    return re.sub(rb"\\(.)", lambda match: {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(match[1], match[1]), text)


def read(texts: list[bytes]) -> list[bool] | None:
    """Which documents are not read; None where all are."""
    documents = documents_of(texts)
    try:
        read_values(documents, read_tokens(documents))
    except Unsure as unsure:
        return list(map(bool, unsure.documents))
    return None


SOUND = b'{"a": [1, "x"]}'


@pytest.mark.parametrize(
    "document",
    [
        *(b'{"a" 1}', b'{"a":}', b"{1: 2}", b'{"a": 1,}', b"[1,]", b"[,1]", b"[1 2]", b'{"a": 1 "b": 2}', b"{,}"),
        *(b'["a": 1]', b'{"a", "b"}', b'{"a": "b": 1}', b"[1}", b"{]", b'{"a": [}]', b"[]]", b"[[]", b"[][]", b"{}{}"),
        *(b"[tru]", b"[01]", b"[1.]", b"[-]", b"[nan]", b"[1e]", b"[+1]", b"[.5]", b"[truefalse]", b"[NaN]"),
        *(
            b'["\x01"]',
            rb'["\n"]',
            rb'["\\q"]',
            rb'["\\u12g4"]',
            rb'["\\u12"]',
            rb'["\\"]',
            b'["]',
            rb"[\\]",
            rb"[\x41]",
        ),
        *(
            rb'{\\"a": 1}',
            rb'["a\"]',
            b"['a']",
            b"[1;2]",
            b'{"a": 1}\x0b}',
            b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
        ),
    ],
)
def test_a_document_that_breaks_the_grammar_is_named_and_no_other(document: bytes) -> None:
    assert may_begin(np.frombuffer(document, np.uint8), np.array([0]), np.array([len(document)])).all()
    assert read([document]) == [True]
    assert read([SOUND, document, SOUND]) == [False, True, False]


@given(containers, st.booleans(), st.integers(0, 60), st.sampled_from(["", *'{}[],:"1e-.tru \\']), st.booleans())
def test_what_is_read_is_json(value: Any, ascii: bool, at: int, letter: str, over: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii)
    document = encode((text[:at] + letter + text[at + over :]).encode())
    sound = (
        may_begin(np.frombuffer(document, np.uint8), np.array([0]), np.array([len(document)])) if document else False
    )
    if sound and read([document]) is None:
        json.loads(plain(document))


@given(
    st.lists(st.binary(max_size=LONGEST), unique=True, max_size=40),
    st.lists(st.binary(max_size=LONGEST + 20), max_size=20),
)
@example([b"", b"\x01"], [])
def test_keys_are_found_by_all_their_bytes(names: list[bytes], others: list[bytes]) -> None:
    keys = Keys(names)
    asked = [*names, *others, *(name[:-1] for name in names), *(name + b"\0" for name in names)]
    ends = np.cumsum([len(text) for text in asked], dtype=np.int64)
    lengths = np.array([len(text) for text in asked], np.int64)
    text = np.frombuffer(b"".join(asked) + bytes(PADDING), np.uint8)
    found, hashes, sure = keys.find(text, ends - lengths, ends)
    index = {name: number for number, name in enumerate(names)}
    assert found.tolist() == [index.get(one, len(names)) for one in asked]
    assert sure.tolist() == [one in index or (len(one) <= LONGEST and one.isascii()) for one in asked]
    alike: dict[bytes, set[int]] = {}
    for one, number in zip(asked, hashes.tolist(), strict=True):
        alike.setdefault(one, set()).add(number)
    assert all(len(numbers) == 1 for numbers in alike.values())
