"""Knows by its first bytes what is no plain dump, and which command makes one."""

from __future__ import annotations

from dmrefresh.errors import DumpDamaged, DumpRefused

ENOUGH = 512
"""Bytes that tell every format."""

_COMMAND = "pg_dump --format=plain --no-owner --no-acl"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OPENING = b"--"

_MAGIC = (
    (b"PGDMP", "a dump in pg_dump's custom format", f"make the dump with: {_COMMAND}"),
    (b"toc.dat\0", "a dump in pg_dump's tar format", f"make the dump with: {_COMMAND}"),
    (
        b"\x1f\x8b",
        "compressed with gzip a second time, or a file of pg_dump's directory format",
        f"Compress the dump once, and make it with: {_COMMAND}",
    ),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", f"make the dump with: {_COMMAND} | gzip"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", f"make the dump with: {_COMMAND} | gzip"),
    (b"\xfd7zXZ", "compressed with xz", f"make the dump with: {_COMMAND} | gzip"),
    (b"BZh", "compressed with bzip2", f"make the dump with: {_COMMAND} | gzip"),
    (b"-----BEGIN PGP", "encrypted", "decrypt the dump before it is read"),
    (b"\xff\xfe", "written in UTF-16", "Pipe pg_dump without a shell that changes its output."),
    (b"\xfe\xff", "written in UTF-16", "Pipe pg_dump without a shell that changes its output."),
)

_PACKETS = frozenset((0x84, 0x85, 0x8C, 0xC1, 0xC3, 0xD2))
"""First bytes of an encrypted OpenPGP message (RFC 9580, section 4.2): session key or sealed data packets."""


def without_byte_order_mark(beginning: bytes) -> bytes:
    """The beginning of a dump without the mark that some editors put in front of UTF-8."""
    return beginning.removeprefix(BYTE_ORDER_MARK)


def refuse_other_formats(beginning: bytes) -> None:
    """See whether a plain dump can begin like this.

    Args:
        beginning: the first bytes, ENOUGH of them unless there are no more, without a byte order mark.

    Raises:
        DumpDamaged: there are none, or only some of what every dump begins with.
        DumpRefused: it is something else, which the message names along with what to do.
    """
    for magic, what, hint in _MAGIC:
        if beginning.startswith(magic):
            raise DumpRefused(f"This is not a plain SQL dump: it is {what}.", hint=hint)
    if beginning[:1] and beginning[0] in _PACKETS:
        raise DumpRefused("This is not a plain SQL dump: it is encrypted.", hint="decrypt the dump before it is read")
    text = beginning.lstrip(b" \t\r\n")
    if len(text) < len(_OPENING) and _OPENING.startswith(text):
        raise DumpDamaged("The dump is empty.")
    if not text.startswith(_OPENING):
        raise not_a_dump()


def not_a_dump() -> DumpRefused:
    """What is raised where the text does not begin as pg_dump's does."""
    return DumpRefused("This is not a dump of pg_dump.", hint=f"make the dump with: {_COMMAND}")


def cluster_dump() -> DumpRefused:
    """What is raised for a dump of a whole server."""
    return DumpRefused(
        "This is a dump of a whole server (pg_dumpall): roles, tablespaces and every database.",
        hint=f"make a dump of the one database: {_COMMAND}",
    )
