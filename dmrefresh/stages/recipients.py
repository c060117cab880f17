"""To whom an OpenPGP message is encrypted, from its first bytes, without any key (RFC 9580)."""

from __future__ import annotations

ENOUGH = 4096
"""Bytes that hold the packets of seven recipients with RSA keys of 4096 bits."""

_PUBLIC_KEY_SESSION_KEY = 1
_HIDDEN = "hidden"
"""A recipient that the message does not name (a key id of zeros, or a fingerprint of no length)."""


def recipients(beginning: bytes) -> list[str] | None:
    """The key ids of the message's recipients, in hexadecimal; of newer messages (version 6) their fingerprints.

    They stand in the public-key session-key packets (section 5.1), which are the first of a message. A packet that
    lies beyond the given bytes is not looked for.

    Args:
        beginning: the message's first bytes, as they are; `ENOUGH` of them will do.

    Returns:
        one entry a recipient, none for a message to a passphrase, None where it is no encrypted binary message.
    """
    found: list[str] = []
    position = 0
    while position < len(beginning):
        packet = _packet(beginning, position)
        if packet is None:
            return found or None
        kind, start, end = packet
        if kind != _PUBLIC_KEY_SESSION_KEY:
            # What may follow: symmetric-key session keys (3), encrypted data (9, 18, 20), a marker (10), padding (21).
            if kind not in (3, 9, 10, 18, 20, 21):
                return None
            if kind in (9, 18, 20):
                break
        elif (recipient := _recipient(beginning[start:end])) is not None:
            found.append(recipient)
        position = end
    return found if beginning else None


def _packet(data: bytes, position: int) -> tuple[int, int, int] | None:
    """A packet's type, and where its content begins and ends (sections 4.2.1 and 4.2.2); None where it is none.

    One of partial or indeterminate length, which only data has, is said to end where the bytes do.
    """
    head, rest = data[position], data[position + 1 : position + 6]
    if not head & 0x80 or not rest:
        return None
    position += 1
    if head & 0x40:  # the present form
        first = rest[0]
        if first < 192:
            size, width = first, 1
        elif first < 224:
            size, width = ((first - 192) << 8) + int.from_bytes(rest[1:2]) + 192, 2
        elif first < 255:
            size, width = len(data), 1
        else:
            size, width = int.from_bytes(rest[1:5]), 5
        return head & 0x3F, position + width, min(position + width + size, len(data))
    width = (1, 2, 4, 0)[head & 3]  # the legacy form, which GnuPG writes
    size = int.from_bytes(rest[:width]) if width else len(data)
    return head >> 2 & 0x0F, position + width, min(position + width + size, len(data))


def _recipient(body: bytes) -> str | None:
    """Whom a session-key packet is for: version 3 says a key id, version 6 a key's version and fingerprint."""
    if body[:1] == b"\x03" and len(body) >= 9:
        key = body[1:9]
    elif body[:1] == b"\x06" and len(body) >= 2 and len(body) >= 2 + body[1]:
        key = body[3 : 2 + body[1]]
    else:
        return None
    return key.hex().upper() if any(key) else _HIDDEN
