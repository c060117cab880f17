"""What gpg lists of keys, for machines: https://git.gnupg.org/cgi-bin/gitweb.cgi?p=gnupg.git;a=blob;f=doc/DETAILS"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_PRIMARY, _SUBKEY = {"pub", "sec"}, {"sub", "ssb"}
_WHY = {"e": "has expired", "r": "was revoked", "d": "is disabled", "i": "is invalid"}


@dataclass(frozen=True, slots=True)
class Part:
    """A primary key or a subkey.

    Attributes:
        fingerprint: of this very part.
        usage: what it is for, in gpg's letters: `e` encrypts, `s` signs.
        expires: when, or None for never.
        unusable: why it is of no use, such as `has expired`; None where it is.
        is_stub: it is listed among private keys, and its private part is elsewhere.
    """

    fingerprint: str
    usage: str
    expires: datetime | None
    unusable: str | None
    is_stub: bool


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key, and its subkeys."""

    primary: Part
    subkeys: tuple[Part, ...]

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
    found: list[list[Part]] = []
    for part, is_primary in _parts(colons):
        if is_primary:
            found.append([])
        if found:
            found[-1].append(part)
    return [Key(parts[0], tuple(parts[1:])) for parts in found]


def _parts(colons: bytes) -> Iterator[tuple[Part, bool]]:
    head: list[str] | None = None
    for line in colons.decode("utf-8", errors="replace").splitlines():
        fields = line.split(":")
        if fields[0] in _PRIMARY | _SUBKEY and len(fields) > 11:
            head = fields
        elif fields[0] == "fpr" and head is not None and len(fields) > 9:
            yield _part(head, fields[9]), head[0] in _PRIMARY
            head = None


def _part(fields: list[str], fingerprint: str) -> Part:
    expires = datetime.fromtimestamp(int(fields[6]), UTC) if fields[6].isdecimal() else None
    unusable = _WHY.get(fields[1]) or ("is disabled" if "D" in fields[11] else None)
    if unusable is None and expires is not None and expires <= datetime.now(UTC):
        unusable = _WHY["e"]
    usage = "".join(letter for letter in fields[11] if letter.islower())  # the capitals are of the key as a whole
    return Part(fingerprint, usage, expires, unusable, is_stub=len(fields) > 14 and fields[14] == "#")
