"""What gpg lists of keys, for machines: https://git.gnupg.org/cgi-bin/gitweb.cgi?p=gnupg.git;a=blob;f=doc/DETAILS"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

_WHY = {"e": "has expired", "r": "was revoked", "d": "is disabled", "i": "is not valid", "n": "is not valid"}
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Part:
    """A primary key or a subkey.

    Attributes:
        fingerprint: of this very part.
        key_id: its long identifier.
        usage: what it is for, in gpg's letters: `e` encrypts, `s` signs.
        expires: when, or None for never.
        unusable: why it is of no use, such as `has expired`; None where it is.
        is_stub: it is listed among private keys, and its private part is elsewhere.
    """

    fingerprint: str
    key_id: str
    usage: str
    expires: datetime | None
    unusable: str | None
    is_stub: bool


@dataclass(slots=True)
class Key:
    """A primary key, and what belongs to it.

    Attributes:
        primary: itself.
        is_private: whether its private part is listed.
        encrypts: whether gpg finds something in it that can be encrypted to.
        subkeys: in the order of the list.
        names: its user ids, without those that were revoked.
    """

    primary: Part
    is_private: bool
    encrypts: bool
    subkeys: list[Part] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of it."""
        return (self.primary, *self.subkeys)

    @property
    def fingerprint(self) -> str:
        """The primary key's."""
        return self.primary.fingerprint


def keys_of(colons: bytes) -> list[Key]:
    """The keys in what gpg prints with `--with-colons`."""
    found: list[Key] = []
    head: list[str] = []
    revoked = False
    for line in colons.splitlines():
        fields = [_text(one) for one in line.split(b":")]
        match fields[0]:
            case "pub" | "sec" | "sub" | "ssb" if len(fields) > 11:
                head = fields
            case "fpr" if head:  # each key or subkey is followed by its own
                part = _part(head, fields[9])
                if head[0] in ("pub", "sec"):
                    found.append(Key(part, is_private=head[0] == "sec", encrypts="E" in head[11]))
                    revoked = head[1] == "r"
                elif found:
                    found[-1].subkeys.append(part)
                head = []
            case "uid" if found and (fields[1] not in ("r", "i") or revoked):
                found[-1].names.append(fields[9])
    return found


def _part(fields: list[str], fingerprint: str) -> Part:
    expires = datetime.fromtimestamp(int(fields[6]), UTC) if fields[6].isdecimal() else None
    unusable = _WHY.get(fields[1]) or (_WHY["d"] if "D" in fields[11] else None)
    if unusable is None and expires is not None and expires <= datetime.now(UTC):
        unusable = _WHY["e"]
    usage = "".join(letter for letter in fields[11] if letter.islower())  # the capitals are of the key as a whole
    return Part(fingerprint, fields[4], usage, expires, unusable, is_stub=len(fields) > 14 and fields[14] == "#")


def _text(field: bytes) -> str:
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), field).decode(errors="replace")
