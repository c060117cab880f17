"""A mark is true for one text, and for that alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import End
from dmrefresh.dump.mark import Mark, NoMark, read_mark, write_mark
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import DumpDamaged
from tests.dump.writing import ROWS, USERS, a_dump

TEXT = a_dump(USERS, ROWS)
SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"


def marked(text: bytes, cut: int = 1000) -> bytes:
    blocks = (text[at : at + cut] for at in range(0, len(text), cut))
    facts = ("cleaned.sql.gz", "production.gpg", "0123", 2, "2026-11-22T03:00:00+00:00", "run", "0")
    return b"".join(write_mark(blocks, lambda digest, size: Mark(*facts, digest, size), lambda signed: SIGNATURE))


def read(text: bytes, cut: int = 1 << 20) -> Mark:
    return read_mark(cut_up(text, cut), refuse_other)


def cut_up(text: bytes, cut: int) -> Iterable[bytes]:
    return (text[at : at + cut] for at in range(0, len(text), cut))


class Forged(Exception):
    pass


def refuse_other(signed: bytes, signature: bytes) -> None:
    """Stands for the check of the signature: it holds for what `marked` has signed."""
    if signature != SIGNATURE or signed not in marked(TEXT):
        raise Forged


def test_a_marked_dump_is_read_to_its_end_like_any_other() -> None:
    *_, end = read_dump([marked(TEXT)])
    assert isinstance(end, End)
    assert end.rows == 2


@given(st.integers(1, 40_000))
def test_a_mark_is_found_wherever_the_text_is_cut(cut: int) -> None:
    mark = read(marked(TEXT, cut), cut)
    assert (mark.size, mark.dump, mark.rows) == (len(TEXT), "production.gpg", 2)


@given(st.binary(max_size=100_000))
def test_any_text_can_be_marked(text: bytes) -> None:
    mark = read_mark([marked(text)], lambda signed, signature: None)
    assert mark.size == len(text) + (not text.endswith(b"\n"))


@given(st.integers(0, len(marked(TEXT)) - 1), st.integers(1, 255))
def test_no_byte_can_be_another(at: int, by: int) -> None:
    whole = bytearray(marked(TEXT))
    whole[at] ^= by
    with pytest.raises((DumpDamaged, Forged)):
        read(bytes(whole))


@given(st.integers(0, len(marked(TEXT)) - 1))
def test_no_part_will_do(end: int) -> None:
    with pytest.raises((DumpDamaged, Forged)):
        read(marked(TEXT)[:end])


@given(st.binary(min_size=1, max_size=200))
def test_nothing_may_follow(more: bytes) -> None:
    with pytest.raises((DumpDamaged, Forged)):
        read(marked(TEXT) + more)


@pytest.mark.parametrize("text", [b"", b"\n", TEXT, b"-- dmrefresh mark 1\n", TEXT + b"-- dmrefresh mark 1\n"])
def test_what_has_no_mark_is_told_from_what_is_damaged(text: bytes) -> None:
    with pytest.raises(NoMark):
        read(text)


def test_a_mark_of_a_later_version_is_told() -> None:
    whole = marked(TEXT).replace(b'"rows": 2', b'"rows": 2, "more": 1')
    with pytest.raises(NoMark, match="does not know"):
        read_mark([whole], lambda signed, signature: None)
