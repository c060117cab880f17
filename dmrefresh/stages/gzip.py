"""gunzip: gzip members in, plain bytes out, and proof that the last one is whole. And the way back."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import chain

from isal import igzip_lib, isal_zlib

from dmrefresh.errors import DumpDamaged

_OUTPUT = 1 << 20
"""Bytes handed on at most at a time, so that a hostile ratio cannot fill the memory."""
_LEVEL = 2
"""Of 0 to 3; as small as zlib's 1, in a fraction of the time."""
MAGIC = b"\x1f\x8b"
"""What gzip data begins with."""
_DEFLATE, _FASTEST, _UNKNOWN_SYSTEM = 8, 4, 255
"""Of a member's header: RFC 1952, section 2.3.1."""
_LENGTH = 4
"""Bytes at the end of a member that say how much it unpacks to."""
_PIECE = 1 << 20
_WINDOW = 1 << 15
"""How far back deflate refers."""
_RAW = -15
"""Blocks of deflate alone, with a window of 2**15 bytes."""
_END = b"\x03\x00"
"""A last block, which is empty (RFC 1951, section 3.2.6)."""


def gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress one or more gzip members (RFC 1952), verifying the checksum and length of each.

    NUL padding after the last member is accepted, as gzip(1) does; anything else is not.

    Raises:
        DumpDamaged: the stream is not gzip, fails its checksum, ends early, is empty, or goes on after
            its end.
    """
    member: igzip_lib.IgzipDecompressor | None = None
    pending = b""  # bytes between two members: too few to tell, or padding
    members = 0
    for block in blocks:
        data = pending + block if pending else block
        pending = b""
        while data or (member is not None and not member.needs_input):
            if member is None:
                if members:
                    data = data.lstrip(b"\0")
                if len(data) < len(MAGIC):
                    pending, data = data, b""
                    break
                if not data.startswith(MAGIC):
                    raise _stray(members)
                member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            try:
                output = member.decompress(data, _OUTPUT)
            except igzip_lib.error:  # type: ignore[misc]  # the stubs call it a function
                raise DumpDamaged("The compressed dump is damaged: its checksum or structure is wrong.") from None
            data = b""
            if output:
                yield output
            if member.eof:
                data, member, members = member.unused_data, None, members + 1
    if pending and not MAGIC.startswith(pending):
        raise _stray(members)
    if member is not None or pending:
        raise DumpDamaged("The compressed dump ends too early.")
    if not members:
        raise DumpDamaged("The decrypted dump is empty.")


def unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same, decompressed where it is gzip data; raises as `gunzip` then."""
    source = iter(blocks)
    beginning = b""
    while len(beginning) < len(MAGIC) and (block := next(source, b"")):
        beginning += block
    all_of_it = chain((beginning,), source)
    return gunzip(all_of_it) if beginning.startswith(MAGIC) else all_of_it


class Trailer:
    """The last bytes of gzip data that passes by: they say how much it unpacks to (RFC 1952, section 2.3.1)."""

    def __init__(self) -> None:
        self._last = b""

    def of(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The blocks, unchanged."""
        for block in blocks:
            self._last = (self._last + block[-_LENGTH:])[-_LENGTH:]
            yield block

    @property
    def length(self) -> int:
        """Bytes that the last member unpacks to, modulo 2**32: most often it is the only one, and nothing follows."""
        return int.from_bytes(self._last, "little")


def _stray(members: int) -> DumpDamaged:
    if members:
        return DumpDamaged("Something follows the end of the compressed dump.")
    return DumpDamaged("The decrypted dump is not gzip data.")


def compress(blocks: Iterable[bytes], *, level: int = _LEVEL, threads: int = 1) -> Generator[bytes]:
    """Yield the blocks as one gzip member, which any gunzip reads.

    What comes out depends on the bytes and the level alone, and not on the threads or on how the input was cut.

    Args:
        blocks: what is compressed; at most `2 * threads` MiB of it are held, and the largest block.
        level: of ISA-L, 0 (fastest) to 3.
        threads: how many compress at a time, beside the one that asks; 1 compresses in the one that asks.
    """
    checksum = size = 0
    yield struct.pack("<2sBBLBB", MAGIC, _DEFLATE, 0, 0, _FASTEST if level == 0 else 0, _UNKNOWN_SYSTEM)
    try:
        for packed, one, length in _in_order(_cut(blocks, level), threads):
            checksum = isal_zlib.crc32_combine(checksum, one, length)
            size += length
            yield packed
    finally:
        # What fails here ends what stands above at once, and not when somebody forgets the exception.
        close = getattr(blocks, "close", None)
        if close is not None:
            close()
    yield _END + struct.pack("<LL", checksum, size % (1 << 32))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the input, which is compressed by itself, with what stands before it to refer to."""

    data: bytes
    before: bytes
    level: int

    def packed(self) -> tuple[bytes, int, int]:
        """Deflate blocks up to a whole byte, and the checksum and the length (bytes) of what they hold."""
        member = isal_zlib.compressobj(level=self.level, wbits=_RAW, zdict=self.before)
        text = member.compress(self.data) + member.flush(isal_zlib.Z_SYNC_FLUSH)
        return text, isal_zlib.crc32(self.data), len(self.data)


def _cut(blocks: Iterable[bytes], level: int) -> Iterator[_Piece]:
    """Pieces of one size; the last may be smaller."""
    before = b""
    for data in _of_one_size(blocks):
        yield _Piece(data, before, level)
        before = data[-_WINDOW:]


def _of_one_size(blocks: Iterable[bytes]) -> Iterator[bytes]:
    held = BytesIO()
    for block in blocks:
        rest = memoryview(block)
        while held.tell() + len(rest) >= _PIECE:
            missing = _PIECE - held.tell()
            held.write(rest[:missing])
            yield held.getvalue()
            held, rest = BytesIO(), rest[missing:]
        held.write(rest)
    if held.tell():
        yield held.getvalue()


def _in_order(pieces: Iterator[_Piece], threads: int) -> Iterator[tuple[bytes, int, int]]:
    if threads == 1:
        yield from map(_Piece.packed, pieces)
        return
    # ISA-L lets go of the interpreter while it compresses.
    with ThreadPoolExecutor(threads, "dmrefresh-gzip") as pool:
        under_way: deque[Future[tuple[bytes, int, int]]] = deque()
        try:
            for piece in pieces:
                under_way.append(pool.submit(piece.packed))
                if len(under_way) >= 2 * threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
