"""The key pair: SOPS opens the private half, the public half belongs to it, and what is encrypted today can be read."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dmrefresh.errors import Failure, KeyUnusable, UsageFailure
from dmrefresh.jobs.doctor.checking import Check, Needs, Once, Said
from dmrefresh.jobs.doctor.tools import Tools
from dmrefresh.jobs.dumps.key_pair import apart
from dmrefresh.keys.listed import Key, Part, keys_of
from dmrefresh.keys.private import Keyring, decrypt_with_sops, private_keyring
from dmrefresh.keys.public import public_home, public_keyring, run_gpg
from dmrefresh.keys.signatures import sign
from dmrefresh.machine import process
from dmrefresh.settings.model import Settings
from dmrefresh.stages.encrypt import encrypt
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.recipients import recipients

SOON = timedelta(days=60)
"""How long before a key expires it is warned of: time enough to get a new one to everybody."""

_SAMPLE = b"Whoever reads this has the private key and its passphrase.\n"
_ROTATE = "make a new key pair, and put both halves into the credentials repository"


@dataclass(frozen=True, slots=True)
class Private:
    """The private key in its keyring, as gpg lists it; whether its passphrase opens it, and why the sample that was
    encrypted to the public key could not be read with it, if it could not."""

    keyring: Keyring
    key: Key
    opens: bool
    unread: Failure | Needs | None

    @property
    def ids(self) -> frozenset[str]:
        """The long identifiers of the parts whose private half is here."""
        return frozenset(part.key_id for part in self.key.parts if not part.is_stub)


@dataclass(frozen=True, slots=True)
class _Sample:
    """What was encrypted: to which of the public keys, by which of its names, and the message."""

    key: Key
    name: str
    message: bytes

    @property
    def ids(self) -> list[str]:
        """The long identifiers of the subkeys it is encrypted to."""
        return recipients(self.message) or []


class Keys:
    """The key pair that the settings name.

    Args:
        settings: where the files are, and to whom a backup is encrypted.
        tools: what opens them.
        stack: closes the private key's keyring in the end; opening one takes seconds.
    """

    def __init__(self, settings: Settings, tools: Tools, stack: ExitStack) -> None:
        self._settings = settings
        self._tools = tools
        self._open_until_the_end = stack
        self._files = Once("the credentials repository", settings.keys.files)
        self._secret_key = Once("sops.secret_key", lambda: self._opened(self._files().secret_key))
        self._passphrase = Once("sops.passphrase", lambda: self._opened(self._files().passphrase))
        self._public_file = Once("the credentials repository", self._locate_public)
        self._public = Once("key.public", self._read_public)
        self._sample = Once("key.recipient", self._encrypt_sample)
        self.private = Once("key.private", self._read_private)

    def checks(self) -> list[Check]:
        """What is looked at here; who asks first is told what is wrong, so their order counts."""
        return [
            Check("sops.secret_key", lambda: self._sops(self._secret_key)),
            Check("sops.passphrase", lambda: self._sops(self._passphrase)),
            Check("key.public", self._says_public),
            Check("key.recipient", self._says_recipient),
            Check("key.private", self._says_private),
            Check("key.passphrase", self._says_passphrase),
            Check("key.pair", self._says_pair),
            Check("key.signs", self._says_signs),
            Check("key.expiry", self._says_expiry),
        ]

    def _sops(self, opened: Once[Path]) -> Said:
        return Said(f"SOPS opens {opened().name}")

    def _opened(self, file: Path) -> Path:
        self._tools.sops()
        decrypt_with_sops(file)
        return file

    def _says_public(self) -> Said:
        _, keys = self._public()
        name = self._public_file().name
        if len(keys) > 1:
            return Said(
                f"{name} holds {len(keys)} public keys, and a refresh from a cleaned dump takes one alone",
                next="leave in it the one that backups are encrypted to: gpg --armor --export NAME",
            )
        return Said(f"{name} holds one key, {_short(keys[0].primary)}")

    def _says_recipient(self) -> Said:
        sample = self._sample()
        return Said(f"a backup is encrypted to `{sample.name}`, subkey {' and '.join(sample.ids)}")

    def _says_private(self) -> Said:
        return Said(f"the private key {_short(self.private().key.primary)} can be put into a keyring in memory")

    def _says_passphrase(self) -> Said:
        if not self.private().opens:
            raise KeyUnusable(
                "The passphrase does not open the private key.",
                hint=f"put the passphrase of this very key into {self._settings.keys.passphrase.name}, with SOPS",
            )
        return Said("the passphrase opens the private key")

    def _says_pair(self) -> Said:
        private, sample = self.private(), self._sample()
        strangers = [one for one in sample.ids if one not in private.ids]
        if strangers or private.key.fingerprint != sample.key.fingerprint:
            raise apart(sample.key.fingerprint, private.key.fingerprint, " and ".join(strangers))
        if not private.opens:
            raise Needs("key.passphrase")
        if private.unread is not None:
            raise private.unread
        return Said("what is encrypted with the public key was read with the private one just now")

    def _says_signs(self) -> Said:
        private = self.private()
        if not private.opens:
            raise Needs("key.passphrase")
        try:
            sign(private.keyring, _SAMPLE)
        except KeyUnusable as failure:
            if self._settings.dumps.signed or any(target.s3 for target in self._settings.targets.values()):
                raise
            return Said("the private key cannot sign, which no setting asks for", next=failure.hint)
        return Said("the private key signs")

    def _says_expiry(self) -> Said:
        file = self._public_file().name
        found = [_expiry(part, file) for key in self._public()[1] for part in key.parts if part.usage]
        if dead := [one for one in found if one.dead]:
            sentence = f"T{dead[0].sentence[1:]}: nothing can be encrypted to it."
            raise KeyUnusable(sentence, hint=_ROTATE)
        of_the_private = [_expiry(part, "the private key's copy") for part in self._private_key_parts() if part.usage]
        if soon := [one for one in [*found, *of_the_private] if one.dead or one.soon]:
            return Said(soon[0].sentence, next=f"{_ROTATE}, or give this one more time: gpg --quick-set-expire")
        return Said(min(found, key=lambda one: one.at or datetime.max.replace(tzinfo=UTC)).sentence)

    def _private_key_parts(self) -> tuple[Part, ...]:
        """Those of the private key; none where it cannot be had, which another check tells."""
        try:
            return self.private().key.parts
        except (Needs, KeyUnusable):
            return ()

    def _locate_public(self) -> Path:
        try:
            return self._settings.keys.locate(self._settings.keys.public_key)
        except UsageFailure:
            self._files()  # was asked first, so it has told what is missing: once will do
            raise

    def _read_public(self) -> tuple[bytes, list[Key]]:
        """The file with the public key, and the keys in it."""
        self._tools.gpg()
        file = self._public_file()
        try:
            armoured = file.read_bytes()
        except OSError as error:
            raise KeyUnusable(
                f"There is no {file.name} in {file.parent} that can be read ({error.strerror}).",
                hint="put the public key there in clear (gpg --armor --export NAME), or set public_key under [keys]",
            ) from None
        with public_home() as home:
            keys = keys_of(run_gpg(home, "--with-colons", "--show-keys", stdin=armoured).stdout)
        if not keys:
            raise KeyUnusable(f"{file.name} holds no public key.", hint="gpg --armor --export NAME makes one")
        return armoured, keys

    def _encrypt_sample(self) -> _Sample:
        """Something that nobody needs to hide, encrypted as a backup is."""
        armoured, keys = self._public()
        try:
            with public_keyring(armoured, self._settings.backup.recipient) as recipient:
                key = next(one for one in keys if one.fingerprint == recipient.fingerprint)
                return _Sample(key, recipient.name, b"".join(encrypt([_SAMPLE], recipient)))
        except KeyUnusable as failure:
            failure.hint = f"{failure.hint or 'look at the key'}; the recipient is that of [backup] in dmrefresh.toml"
            raise

    def _read_private(self) -> Private:
        self._tools.gpg()
        self._tools.memory()
        self._secret_key()
        self._passphrase()
        keyring = self._open_until_the_end.enter_context(private_keyring(self._files()))
        listed = process.run([*keyring.gpg, "--with-colons", "--list-secret-keys"], env=keyring.environment)
        unread = self._unread(keyring)
        # What was read proves the passphrase; else it is asked for by itself, which takes its time.
        opens = unread is None or keyring.opens()
        return Private(keyring, keys_of(listed.stdout)[0], opens, unread)

    def _unread(self, keyring: Keyring) -> Failure | Needs | None:
        """Why the sample could not be read; None where it was."""
        try:
            read = b"".join(decrypt([self._sample().message], keyring))
        except (Needs, Failure) as failure:  # without a sample, its own check tells why
            return failure
        return None if read == _SAMPLE else KeyUnusable("What was encrypted came out as something else.")


@dataclass(frozen=True, slots=True)
class _Expiry:
    """When a part of a key expires, whether it is of no use now, and whether it soon will be, in words."""

    sentence: str
    at: datetime | None
    dead: bool
    soon: bool


def _expiry(part: Part, where: str) -> _Expiry:
    which = f"the {'encrypting ' if 'e' in part.usage else ''}key {_short(part)} in {where}"
    if part.unusable is not None:
        when = f" on {part.expires:%Y-%m-%d}" if part.expires is not None and "expired" in part.unusable else ""
        return _Expiry(f"{which} {part.unusable}{when}", part.expires, dead=True, soon=False)
    if part.expires is None:
        return _Expiry(f"{which} never expires", None, dead=False, soon=False)
    days = (part.expires - datetime.now(UTC)).days
    sentence = f"{which} expires on {part.expires:%Y-%m-%d}, in {days} day{'' if days == 1 else 's'}"
    return _Expiry(sentence, part.expires, dead=False, soon=days < SOON.days)


def _short(part: Part) -> str:
    return part.key_id
