from __future__ import annotations

import gzip
import random
import shutil
import subprocess
import threading
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.errors import DumpDamaged
from dmrefresh.stages.gzip import compress, gunzip, unpacked

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


NEAR_A_PIECE = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) + 40_000]


def large(size: int, seed: int = 3) -> bytes:
    """Text that compresses, of which no two pieces are the same."""
    dice = random.Random(seed)
    words = [dice.randbytes(dice.randrange(2, 9)).hex() for _ in range(500)]
    text = " ".join(dice.choices(words, k=size // 4 + 1)).encode()
    return text[:size]


@pytest.mark.parametrize("size", NEAR_A_PIECE)
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_whoever_reads_gzip_reads_what_was_compressed(size: int, level: int) -> None:
    data = large(size)
    member = b"".join(compress(cut(data, 300_000), level=level, threads=2))
    assert gzip.decompress(member) == data
    one = zlib.decompressobj(31)
    assert one.decompress(member) == data
    assert (one.eof, one.unused_data) == (True, b"")  # one member, and nothing after it
    assert b"".join(gunzip(cut(member, 70_001))) == data
    programs = [found for name in ("gzip", "pigz") if (found := shutil.which(name))]
    assert programs
    for program in programs:
        assert subprocess.run([program, "-dc"], input=member, capture_output=True, check=True).stdout == data
        subprocess.run([program, "-t"], input=member, check=True)


@given(st.lists(st.binary(max_size=3000), max_size=8), st.integers(0, 3), st.integers(1, 3))
def test_any_bytes_come_back(blocks: list[bytes], level: int, threads: int) -> None:
    assert b"".join(gunzip(compress(blocks, level=level, threads=threads))) == b"".join(blocks)


def test_bytes_that_do_not_compress_come_back_and_hardly_grow() -> None:
    data = random.Random(4).randbytes(5 << 20)
    member = b"".join(compress([data], threads=2))
    assert gzip.decompress(member) == data
    assert len(member) < len(data) * 1.001


def test_neither_threads_nor_blocks_show_in_what_comes_out() -> None:
    data = large((7 << 20) + 123)
    first = b"".join(compress([data]))
    for threads, size in [(1, 1 << 16), (2, 1 << 20), (3, 999_999), (8, 5 << 20)]:
        assert b"".join(compress(cut(data, size), threads=threads)) == first


def test_a_piece_refers_to_the_one_before_it() -> None:
    random_bytes = random.Random(5).randbytes(32_000)
    data = (bytes((1 << 20) - len(random_bytes)) + random_bytes) + random_bytes
    assert len(b"".join(compress([data], threads=2))) < 1.3 * len(random_bytes)


def test_a_member_of_more_than_4_gib_has_the_length_that_its_trailer_can_say() -> None:
    block, count = bytes(64 << 20), 65
    length = 0
    for part in gunzip(compress((block for _ in range(count)), level=0, threads=2)):
        length += len(part)
    assert length == len(block) * count


@pytest.mark.parametrize("threads", [1, 3])
def test_little_is_held_whatever_the_size(threads: int) -> None:
    pulled = given_out = 0
    block = large(1 << 20)

    def source() -> Iterator[bytes]:
        nonlocal pulled
        for _ in range(100):
            pulled += 1
            yield block

    tracemalloc.start()
    try:
        for _ in compress(source(), threads=threads):
            given_out += 1
            assert pulled - given_out <= 2 * threads
        assert tracemalloc.get_traced_memory()[1] < (4 + 4 * threads) << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("threads", [1, 2])
def test_what_goes_wrong_above_is_raised_and_nothing_ends_the_member(threads: int) -> None:
    def broken() -> Iterator[bytes]:
        yield large(9 << 20)
        raise LookupError("pg_dump is gone")

    packed: list[bytes] = []
    with pytest.raises(LookupError, match="pg_dump is gone"):
        packed.extend(compress(broken(), threads=threads))
    with pytest.raises(DumpDamaged):
        list(gunzip(packed))
    assert not [one for one in threading.enumerate() if one.name.startswith("dmrefresh-gzip")]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_goes_wrong_here_ends_what_stands_above(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    def source() -> Iterator[bytes]:
        try:
            yield large(9 << 20)
        finally:
            closed.append(True)

    def failing(piece: object) -> None:
        raise MemoryError

    monkeypatch.setattr("dmrefresh.stages.gzip._Piece.packed", failing)
    with pytest.raises(MemoryError) as caught:
        list(compress(source(), threads=threads))
    assert closed, caught


def test_whoever_stops_early_leaves_no_thread() -> None:
    running = compress(iter([large(9 << 20)]), threads=4)
    next(running)
    next(running)
    running.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("dmrefresh-gzip")]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_what_is_gzip_data_is_unpacked_and_what_is_not_is_handed_on_however_it_comes(size: int) -> None:
    text = TEXT[:1500]
    for data in (gzip.compress(text), text):
        assert b"".join(unpacked(cut(data, size))) == text
    assert b"".join(unpacked([])) == b""
