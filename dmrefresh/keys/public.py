"""The public key that a backup is encrypted to: one that can be, and that somebody meant."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dmrefresh.errors import NOT_STORED, KeyUnusable
from dmrefresh.keys.listed import Key, keys_of
from dmrefresh.keys.private import NOT_STARTED, Keyring, not_started
from dmrefresh.machine import process
from dmrefresh.machine.folders import no_room, private_folder, sweep

_PREFIX = "dmrefresh-public-"
_ROOM = 1 << 18
"""Bytes that the keys of a keyring, and what gpg writes beside them, have room in."""
_FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?")
_NAME_AND_ADDRESS = re.compile(r"(?P<name>[^<(]*?)\s*(?:\([^)]*\))?\s*(?:<(?P<address>[^>]*)>)?")


@dataclass(frozen=True, slots=True)
class Recipient:
    """A GnuPG home directory that holds public keys alone, and the one key of them to encrypt to.

    Attributes:
        home: the directory; it is removed when the keyring is closed.
        fingerprint: of the recipient's primary key.
        name: the user id that was meant; of a key meant by its fingerprint, its first.
        expires: when it can no more be encrypted to (UTC), None for never.
    """

    home: Path
    fingerprint: str
    name: str
    expires: datetime | None

    @property
    def gpg(self) -> list[str]:
        """The beginning of every gpg command line: this keyring, and no configuration of the user's."""
        return [*Keyring(self.home, b"", "").gpg, "--no-autostart"]

    @property
    def environment(self) -> dict[str, str]:
        """What gpg gets of our environment."""
        return Keyring(self.home, b"", "").environment


@contextlib.contextmanager
def public_keyring(armoured: bytes, recipient: str) -> Iterator[Recipient]:
    """Open a throw-away keyring with public keys for as long as the block runs.

    Args:
        armoured: one public key or several, as gpg exports them; armoured or binary.
        recipient: whom to encrypt to: a name, an address, a whole user id, or a fingerprint. A part of one is none:
            gpg itself would take any key that has the word somewhere.

    Raises:
        KeyUnusable: not exactly one of the keys is meant and can be encrypted to; it is said why. Or a private key
            is among them, or gpg is not installed.
    """
    with public_home() as home:
        key, name = _chosen(_keys(home, armoured), recipient)
        # Its exit status tells also of an agent that it does not find, as in a home with a long name.
        run_gpg(home, "--import", stdin=armoured)
        if run_gpg(home, "--list-keys", key.fingerprint).returncode:
            raise _unusable("The public key cannot be imported.", "is the file whole?")
        yield Recipient(home, key.fingerprint, name, _until(key))


@contextlib.contextmanager
def public_home() -> Iterator[Path]:
    """An empty GnuPG home for public keys, among the temporary files; what it holds anybody may see.

    Raises:
        NoRoom: there is no room for it; gpg would only say that it finds no key.
    """
    place = Path(tempfile.gettempdir())
    with contextlib.ExitStack() as stack:
        try:
            sweep(place, _PREFIX)
            home = stack.enter_context(private_folder(place, _PREFIX))
            (home / "room").write_bytes(bytes(_ROOM))
            (home / "room").unlink()
        except OSError as error:
            raise no_room("The public key", error.strerror or "an error") from None
        yield home


def run_gpg(home: Path, *arguments: str, stdin: bytes = b"") -> process.Completed:
    """Run gpg to its end with a home for public keys; no agent is started.

    Raises:
        KeyUnusable: gpg is not installed, or takes longer than a minute.
        ProgramFailed: a signal ended it.
    """
    there = Recipient(home, "", "", None)
    try:
        return process.run([*there.gpg, *arguments], env=there.environment, stdin=stdin)
    except NOT_STARTED as error:
        raise not_started(error) from None
    except subprocess.TimeoutExpired:
        raise KeyUnusable("gpg did not answer within a minute.") from None


def _chosen(keys: Sequence[Key], recipient: str) -> tuple[Key, str]:
    if not keys:
        raise _unusable("There is no public key in what was given as one.", "gpg --armor --export NAME makes one")
    if any(key.is_private for key in keys):
        raise _unusable(
            "What was given as the public key is a private one.",
            "take it away from there, and see who could read it; gpg --armor --export NAME makes a public one",
        )
    meant = [(key, name) for key in keys if (name := _named(key, recipient)) is not None]
    if not meant:
        have = ", ".join(f"`{name}`" for key in keys for name in key.names) or "none with a name"
        raise _unusable(f"No public key is of `{recipient}`.", f"there is {have}: name one as the recipient")
    usable = [(key, name) for key, name in meant if _trouble(key) is None]
    if not usable:
        whys = "; ".join(f"{key.fingerprint} {_trouble(key)}" for key, _ in meant)
        raise _unusable(
            f"Nothing can be encrypted to `{recipient}`: {whys}.",
            "put the present public key into the credentials repository",
        )
    if len(usable) > 1:
        fingerprints = ", ".join(key.fingerprint for key, _ in usable)
        raise _unusable(
            f"{len(usable)} public keys are of `{recipient}`: {fingerprints}.",
            "name one by its fingerprint as the recipient",
        )
    return usable[0]


def _unusable(what: str, hint: str) -> KeyUnusable:
    return KeyUnusable(what, hint=hint, state=NOT_STORED)


def _keys(home: Path, armoured: bytes) -> list[Key]:
    """What keys there are, without importing them: a private one among them is not to be written anywhere."""
    return keys_of(run_gpg(home, "--with-colons", "--show-keys", stdin=armoured).stdout)


def _named(key: Key, recipient: str) -> str | None:
    """The user id of a key that is meant, or None."""
    plain = recipient.strip().casefold()
    if _compact(recipient) == key.fingerprint:
        return key.names[0] if key.names else key.fingerprint
    for name in key.names:
        match = _NAME_AND_ADDRESS.fullmatch(name)
        said = (name, match["name"], match["address"]) if match else (name,)
        if plain and plain in [one.strip().casefold() for one in said if one]:
            return name
    return None


def _trouble(key: Key) -> str | None:
    """Why nothing can be encrypted to a key, or None."""
    if key.primary.unusable is not None:
        return key.primary.unusable
    if key.encrypts:
        return None
    for part in key.parts:
        if "e" in part.usage and part.unusable is not None:
            return f"has a subkey for encryption that {part.unusable}"
    return "is not for encryption"


def _until(key: Key) -> datetime | None:
    """When the last of what encrypts ends, or the key as a whole."""
    ends = [part.expires for part in key.parts if "e" in part.usage and part.unusable is None]
    last = None if None in ends else max((end for end in ends if end), default=None)
    return min((end for end in (key.primary.expires, last) if end), default=None)


def _compact(text: str) -> str | None:
    """A fingerprint as gpg lists it, of one that is written in groups or in small letters; else None."""
    packed = "".join(text.split()).upper().removeprefix("0X")
    return packed if _FINGERPRINT.fullmatch(packed) else None
