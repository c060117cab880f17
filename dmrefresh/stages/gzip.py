"""gunzip: gzip members in, plain bytes out, and proof that the last one is whole. And the way back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isal import igzip_lib, isal_zlib

from dmrefresh.errors import DumpDamaged

_OUTPUT = 4 << 20
"""Bytes handed on at most at a time, so that a hostile ratio cannot fill the memory."""
_LEVEL = 2
"""Of 0 to 3; as small as zlib's 1, in a fraction of the time."""
_MAGIC = b"\x1f\x8b"


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
                if len(data) < len(_MAGIC):
                    pending, data = data, b""
                    break
                if not data.startswith(_MAGIC):
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
    if pending and not _MAGIC.startswith(pending):
        raise _stray(members)
    if member is not None or pending:
        raise DumpDamaged("The compressed dump ends too early.")
    if not members:
        raise DumpDamaged("The decrypted dump is empty.")


def _stray(members: int) -> DumpDamaged:
    if members:
        return DumpDamaged("Something follows the end of the compressed dump.")
    return DumpDamaged("The decrypted dump is not gzip data.")


def compress(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks as one gzip member, which any gunzip reads."""
    member = isal_zlib.compressobj(level=_LEVEL, wbits=31)  # 31: with gzip's header and trailer
    for block in blocks:
        if packed := member.compress(block):
            yield packed
    yield member.flush()
