"""What is done to the encrypted object, and to the key."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "The encrypted object"

_DAMAGED = "exit 13: GnuPG could not verify it"

ROWS: tuple[Row, ...] = (
    Row("1a", "a bit is flipped at 0.1, 1, 25, 50, 99 or 99.99 % of the object", _DAMAGED),
    Row("1b", "a bit is flipped in the integrity code at the end of the message", _DAMAGED),
    Row(
        "1c",
        "a bit is flipped in the name of the key that the message is for",
        "exit 13, and not taken for another key",
    ),
    Row("3a", "the object ends after 1 or 97 bytes, or 25, 50 or 99.999 % of it", _DAMAGED),
    Row(
        "3b",
        "the object has no byte at all",
        "passed over where an older one is there; exit 10 where it is named, or the only one",
    ),
    Row("4a", "rubbish follows the message", _DAMAGED),
    Row("4b", "a second message, as good as the first, follows it", _DAMAGED),
    Row("5", "the dump is encrypted to another key", "exit 12 after one attempt"),
    Row("6a", "the passphrase is another one", "exit 12 after one attempt"),
    Row("6b", "the passphrase is empty", "exit 12 after one attempt"),
    Row("6c", "the passphrase has letters outside Latin 1", "published"),
    Row("7", "the private key has expired", "published, with a warning"),
    Row("8", "the public key has expired when a backup is made", "exit 12 before pg_dump begins; nothing is stored"),
    Row("9a", "the object was never encrypted: plain text, or compressed", "exit 13"),
    Row("9b", "the object is an OpenPGP message that is not encrypted (gpg --store)", "exit 13: it is not encrypted"),
    Row("9c", "the object is signed, and not encrypted", "exit 13: it is not encrypted"),
    Row("10", "the message has no integrity code, as before RFC 4880", _DAMAGED),
    Row("11a", "the message is armoured", "published"),
    Row("11b", "the message is armoured, and cut short", _DAMAGED),
    Row("12", "what is encrypted is empty", "exit 13: it is empty"),
    Row("13", "the user's own gpg.conf tells GnuPG to let a wrong integrity code pass", "it is not read: exit 13"),
    Row(
        "T1",
        "a bit is flipped anywhere in the object, at random (`python -m tests.faults.thousand`)",
        "exit 13 and the old data; or, where the bit says nothing, byte for byte the right data",
    ),
    Row("T2", "the object is cut short anywhere, at random (the same)", "exit 13 and the old data"),
)
