from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.errors import DumpDamaged
from dmrefresh.stages.gzip import gunzip

TEXT = b"".join(b"row %d\tvalue\n" % n for n in range(2000))
MEMBER = gzip.compress(TEXT, mtime=0)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@given(st.binary(max_size=5000), st.integers(1, 3), st.integers(1, 600))
def test_any_members_come_out_whole_however_they_are_cut(data: bytes, members: int, size: int) -> None:
    assert b"".join(gunzip(cut(gzip.compress(data, mtime=0) * members, size))) == data * members


def test_what_is_handed_on_stays_small_however_high_the_ratio() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    assert max(len(block) for block in gunzip([bomb])) <= 4 << 20


def test_nul_padding_after_the_end_is_accepted() -> None:
    assert b"".join(gunzip(cut(MEMBER + bytes(1000), 333))) == TEXT


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_member_cut_anywhere_is_damaged(size: int) -> None:
    small = gzip.compress(TEXT[:500])
    for end in range(len(small)):
        with pytest.raises(DumpDamaged):
            list(gunzip(cut(small[:end], size)))


def test_a_flipped_bit_never_gives_other_bytes() -> None:
    small = gzip.compress(TEXT[:300])
    damaged = 0
    for position in range(len(small) * 8):
        flipped = bytearray(small)
        flipped[position // 8] ^= 1 << position % 8
        try:
            assert b"".join(gunzip([bytes(flipped)])) == TEXT[:300]  # a bit of the header that means nothing
        except DumpDamaged:
            damaged += 1
    assert damaged > len(small) * 7


@pytest.mark.parametrize("trailer", [b"x", b"\0\0x", b"-- SQL", b"\x1f", b"\x1f\x8b", MEMBER[:30]])
def test_anything_but_padding_after_the_end_is_damaged(trailer: bytes) -> None:
    with pytest.raises(DumpDamaged):
        list(gunzip([MEMBER + trailer]))


@pytest.mark.parametrize("data", [b"", b"-- PostgreSQL database dump\n", zlib.compress(TEXT), b"\0\0\0"])
def test_what_is_not_gzip_is_damaged(data: bytes) -> None:
    with pytest.raises(DumpDamaged):
        list(gunzip([data]))
