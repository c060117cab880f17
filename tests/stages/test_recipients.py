from __future__ import annotations

import random

import pytest

from dmrefresh.stages.recipients import recipients

KEY = bytes.fromhex("0123456789ABCDEF")
FINGERPRINT = bytes(range(32))
DATA = b"\xd2\x10" + b"x" * 16
"""The beginning of the encrypted data."""


def old(body: bytes, width: int) -> bytes:
    """A session-key packet with a length of so many bytes in the legacy form (RFC 9580, 4.2.2)."""
    return bytes([0x84 | {1: 0, 2: 1, 4: 2}[width]]) + len(body).to_bytes(width) + body


def new(length: bytes, body: bytes) -> bytes:
    """One with this length in the present form (RFC 9580, 4.2.1)."""
    return b"\xc1" + length + body


V3 = b"\x03" + KEY + b"\x01" + b"r" * 30
V6 = b"\x06\x21\x06" + FINGERPRINT + b"\x19" + b"r" * 30
V6_HIDDEN = b"\x06\x00\x19" + b"r" * 30
LONG = V3.ljust(300, b"r")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (old(V3, 1) + DATA, [KEY.hex().upper()]),
        (old(V3, 2) + DATA, [KEY.hex().upper()]),
        (old(V3, 4) + DATA, [KEY.hex().upper()]),
        (new(bytes([len(V3)]), V3) + DATA, [KEY.hex().upper()]),
        (new(bytes([192, 300 - 192]), LONG) + DATA, [KEY.hex().upper()]),
        (new(b"\xff" + (300).to_bytes(4), LONG) + DATA, [KEY.hex().upper()]),
        (new(bytes([len(V6)]), V6) + DATA, [FINGERPRINT.hex().upper()]),
        (new(bytes([len(V6_HIDDEN)]), V6_HIDDEN) + DATA, ["hidden"]),
        (old(V3, 1) + new(bytes([len(V6)]), V6) + DATA, [KEY.hex().upper(), FINGERPRINT.hex().upper()]),
        (b"\xca\x03PGP" + old(V3, 1) + DATA, [KEY.hex().upper()]),
        (DATA, []),
        (b"\xcb\x04none", None),
        (b"-----BEGIN PGP MESSAGE-----", None),
        (b"", None),
    ],
)
def test_recipients_are_read_from_either_form_of_packet(message: bytes, expected: list[str] | None) -> None:
    assert recipients(message) == expected


def test_no_bytes_whatever_are_too_much_for_it() -> None:
    dice = random.Random(5)
    whole = old(V3, 2) + new(bytes([len(V6)]), V6) + DATA
    for _ in range(5000):
        damaged = bytearray(whole[: dice.randrange(len(whole) + 1)])
        for _ in range(dice.randrange(4)):
            if damaged:
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        found = recipients(bytes(damaged))
        assert found is None or all(one == "hidden" or int(one, 16) > 0 for one in found)
