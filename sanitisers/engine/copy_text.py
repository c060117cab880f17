"""How COPY's text format writes one value (PostgreSQL manual, COPY, "Text Format")."""

from __future__ import annotations

import re

NULL = b"\\N"
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)


def _plain(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    return _LETTERS.get(letter, letter)


_SPECIAL = re.compile(rb"[\\\x08\x0c\n\r\t\x0b]")


def decode(value: bytes) -> bytes:
    """The bytes that the server will hold for `value`, which is not NULL."""
    if b"\\" not in value:
        return value
    # Escaped backslashes are set aside as NUL, which no text of PostgreSQL's can hold; reading from the left, as
    # `replace` does, finds exactly those. Then every backslash left begins one of the other escapes.
    first, *others = value.replace(b"\\\\", b"\0").split(b"\\")
    try:
        parts = [_LETTERS[part[:1]] + part[1:] for part in others]
    except KeyError:  # pg_dump writes no other escapes, but they are allowed
        return _ESCAPE.sub(_plain, value)
    if b"\0" in value:
        return _ESCAPE.sub(_plain, value)
    return (first + b"".join(parts)).replace(b"\0", b"\\")


def encode(value: bytes) -> bytes:
    """`value` as pg_dump would write it, which `decode` turns back into the same bytes."""
    if _SPECIAL.search(value) is None:
        return value
    value = value.replace(b"\\", b"\\\\")
    for letter, character in _LETTERS.items():
        value = value.replace(character, b"\\" + letter)
    return value
