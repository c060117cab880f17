"""The private key: from SOPS into a throw-away keyring in memory, and gone on every way out."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dmrefresh.durations import lasted
from dmrefresh.errors import KeyUnusable, ProgramFailed
from dmrefresh.keys.listed import keys_of
from dmrefresh.machine import process, signals
from dmrefresh.machine.apart import meanwhile
from dmrefresh.machine.folders import MEMORY, in_memory, private_folder, sweep

_PREFIX = "dmrefresh-"
_SOPS_PATIENCE = 120.0
"""Seconds that SOPS may take; a key service may be far away."""
_AGENT = "s2k-count 65536\n"
"""How often gpg-agent hashes the passphrase for the copy of the key that it keeps in memory: the least it takes. Left
alone it finds out anew on each run how often it could in a tenth of a second, which takes it longer than a small dump;
whoever can read that memory can read the passphrase in ours."""
_EXPORT_ERROR = re.compile(rb"^\[GNUPG:\] ERROR export_keys\.secret (\d+)", re.MULTILINE)
_CODE, _BAD_PASSPHRASE = 0xFFFF, 11
"""The part of an error's number that says what it is, without who found it, and GPG_ERR_BAD_PASSPHRASE: see gpg-error.h
of libgpg-error, and doc/DETAILS of GnuPG for the status line."""
_ROOM = 1 << 20
"""Bytes that a keyring may take."""
_SOPS_NEEDS = ("SOPS_", "AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_", "VAULT_", "XDG_")


class KeyAbsent(KeyUnusable):
    """The private key is not on this machine, or this machine cannot hold it; elsewhere it may be as it must be."""


class _NoKey(KeyUnusable):
    """gpg has found no private key in what was given to it."""


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The SOPS files that hold the private key and its passphrase, both encrypted in binary mode."""

    secret_key: Path
    passphrase: Path


@dataclass(frozen=True, slots=True)
class Keyring:
    """A GnuPG home directory in memory-backed storage, holding one private key.

    Attributes:
        home: the directory; it is removed when the keyring is closed.
        passphrase: of the private key (bytes, never shown).
        fingerprint: of the private key's primary key.
        key_ids: the long identifiers of the primary key and its subkeys.
    """

    home: Path
    passphrase: bytes = field(repr=False)
    fingerprint: str
    key_ids: frozenset[str] = frozenset()

    @property
    def gpg(self) -> list[str]:
        """The beginning of every gpg command line: this keyring, and no configuration of the user's."""
        return ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", "--no-options", "--quiet"]

    @property
    def environment(self) -> dict[str, str]:
        """What gpg gets of our environment."""
        return {**process.environment(), "GNUPGHOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def opens(self) -> bool:
        """Whether the passphrase opens the private key. It takes seconds: it is asked when a dump did not open.

        Handing a private key out is the one thing that asks for the passphrase of every sort of key, an expired
        one included (which still opens old dumps). What is handed out is protected, and thrown away.

        Raises:
            ProgramFailed: gpg or its agent did not get as far as that; where the machine has no time for them, say.
        """
        argv = [*self.gpg, "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--status-fd", "1", "--armor"]
        argv += ["--export-secret-keys", self.fingerprint]
        try:
            done = process.run(argv, env=self.environment, stdin=self.passphrase + b"\n")
        except subprocess.TimeoutExpired:
            raise ProgramFailed("gpg did not open the private key within a minute.") from None
        if done.returncode == 0 and b"-----END" in done.stdout:
            return True
        if any(int(code) & _CODE == _BAD_PASSPHRASE for code in _EXPORT_ERROR.findall(done.stdout)):
            return False
        raise ProgramFailed("gpg did not open the private key, and not for want of the right passphrase.")


def decrypt_with_sops(file: Path) -> bytes:
    """Decrypt a file that SOPS encrypted in binary mode; the plaintext stays in memory.

    Raises:
        KeyAbsent: the file is missing, sops is, or sops cannot decrypt it with the keys it finds.
        ProgramFailed: a signal ended sops.
    """
    if not file.is_file():
        raise KeyAbsent(
            f"There is no {file.name} in {file.parent}.",
            hint="set DM_CREDENTIALS_REPO to the credentials repository, or [keys] in dmrefresh.toml",
        )
    argv = ["sops", "--decrypt", "--input-type", "binary", "--output-type", "binary", str(file)]
    try:
        done = process.run(argv, env=process.environment(*_SOPS_NEEDS), timeout=_SOPS_PATIENCE)
    except FileNotFoundError:
        raise KeyAbsent("sops is not installed, or not on PATH.", hint="install SOPS 3.8 or newer") from None
    except PermissionError:
        raise KeyAbsent("sops may not be run: it is not executable.", hint="look at the first sops on PATH") from None
    except subprocess.TimeoutExpired:
        raise KeyAbsent(f"sops did not decrypt {file.name} within {lasted(_SOPS_PATIENCE)}.") from None
    if done.returncode or not done.stdout:
        raise KeyAbsent(
            f"sops cannot decrypt {file.name} (exit status {done.returncode}).",
            hint="is the key that SOPS needs at hand (SOPS_AGE_KEY_FILE, or rights on the KMS key)?",
        )
    return done.stdout


@contextlib.contextmanager
def private_keyring(files: KeyFiles) -> Iterator[Keyring]:
    """Open a throw-away keyring that holds the private key for as long as the block runs.

    The directory is readable by its owner alone, lies in memory-backed storage, and is removed with its
    gpg-agent on every way out; what a killed run left behind is removed by the next one.

    Raises:
        KeyUnusable: no memory-backed storage or no room in it, or SOPS, gpg, the key or its passphrase is of no use.
        ProgramFailed: a signal ended one of the two.
    """
    storage = memory_backed_storage()
    sweep(storage, _PREFIX, _end_agent)
    secret_key, passphrase = _decrypted(files)
    if not passphrase or b"\n" in passphrase:
        raise KeyUnusable(f"{files.passphrase.name} does not hold a passphrase of one line.")
    with contextlib.ExitStack() as stack:
        with _roomy(storage):
            home = stack.enter_context(private_folder(storage, _PREFIX))
            stack.callback(_end_agent, home)
            keyring = _import(home, secret_key, passphrase)
        yield keyring


@contextlib.contextmanager
def _roomy(storage: Path) -> Iterator[None]:
    """What comes of too little room, as that: gpg, which finds none, says only that it has no key."""
    try:
        yield
    except (OSError, _NoKey) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not full and (isinstance(error, OSError) or shutil.disk_usage(storage).free >= _ROOM):
            raise
        raise KeyUnusable(
            f"There is no room in {storage} for the private key.",
            hint=f"make some: df {storage}, and what is in it; a container may be given more, as with --shm-size",
        ) from None


def _decrypted(files: KeyFiles) -> tuple[bytes, bytes]:
    """The private key and its passphrase; SOPS is asked for both at a time, since a key service may be far away."""
    with meanwhile(partial(decrypt_with_sops, files.passphrase), "dmrefresh-sops") as passphrase:
        try:
            secret_key = decrypt_with_sops(files.secret_key)
        finally:
            if signals.ended():  # nobody would wait for the other one
                process.kill_all()
    return secret_key, passphrase.result().rstrip(b"\r\n")


def memory_backed_storage() -> Path:
    """A folder in memory where the keyring may lie.

    Raises:
        KeyAbsent: there is none on this machine (macOS has none).
    """
    storage = in_memory()
    if storage is None:
        raise KeyAbsent(
            f"This machine has no memory-backed storage for the private key ({MEMORY}).",
            hint="run this where there is one; a private key is never written to a disk",
        )
    return storage


def _import(home: Path, secret_key: bytes, passphrase: bytes) -> Keyring:
    """Import the key; that the passphrase opens it shows when the dump's first bytes are decrypted."""
    ring = Keyring(home, b"", "")
    settings = home / "gpg-agent.conf"
    settings.touch(0o600)
    settings.write_text(_AGENT)
    try:
        process.run([*ring.gpg, "--import"], env=ring.environment, stdin=secret_key)
        listed = process.run([*ring.gpg, "--with-colons", "--list-secret-keys"], env=ring.environment)
    except NOT_STARTED as error:
        raise not_started(error) from None
    except subprocess.TimeoutExpired:
        raise ProgramFailed("gpg did not import the private key within a minute.") from None
    keys = keys_of(listed.stdout)
    if not keys:
        raise _NoKey("The secret key file holds 0 usable private keys; one is wanted.")
    if len(keys) > 1:
        raise KeyUnusable(f"The secret key file holds {len(keys)} usable private keys; one is wanted.")
    return Keyring(home, passphrase, keys[0].fingerprint, frozenset(part.key_id for part in keys[0].parts))


NOT_STARTED = (FileNotFoundError, PermissionError)
"""What it means that a program is not there, or may not be run; of anything else the machine is short."""


def not_started(error: OSError) -> KeyUnusable:
    """What to say of a gpg that cannot be started."""
    if isinstance(error, PermissionError):
        return KeyUnusable("gpg may not be run: it is not executable.", hint="look at the first gpg on PATH")
    return KeyUnusable("gpg is not installed.", hint="install GnuPG: apt-get install gnupg")


def _end_agent(home: Path) -> None:
    """End the gpg-agent of a keyring, and remove the socket folder it may have under /run/user."""
    env = Keyring(home, b"", "").environment
    for command in (["--kill", "all"], ["--remove-socketdir"]):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired, ProgramFailed):
            process.run(["gpgconf", "--homedir", str(home), *command], env=env, timeout=10)
