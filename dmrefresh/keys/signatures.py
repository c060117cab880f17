"""Signatures: made with the private key of a keyring, checked with the public key alone."""

from __future__ import annotations

from pathlib import Path

from dmrefresh.errors import DumpDamaged, KeyUnusable
from dmrefresh.keys.listed import keys_of
from dmrefresh.keys.private import Keyring
from dmrefresh.keys.public import public_home, run_gpg
from dmrefresh.machine import process

_STRICT = ("--trust-model", "always", "--weak-digest", "SHA1")
_GOOD = ("GOODSIG", "VALIDSIG")
_BAD = {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "NODATA", "NO_PUBKEY", "FAILURE", "ERROR", "UNEXPECTED"}


class NotSigned(DumpDamaged):
    """Something has no signature, or not that of our key; fetched again it would be the same."""

    retry = False


def sign(keyring: Keyring, data: bytes) -> bytes:
    """An armoured, detached signature.

    Args:
        keyring: holds the private key.
        data: what is signed (bytes).

    Raises:
        KeyUnusable: the key does not sign: its passphrase is wrong, it has expired, or it is for encryption alone.
    """
    # gpg takes the passphrase from the first line of its input and the data from what follows.
    argv = [*keyring.gpg, "--pinentry-mode", "loopback", "--passphrase-fd", "0"]
    argv += ["--local-user", keyring.fingerprint, "--digest-algo", "SHA512", "--armor", "--detach-sign"]
    done = process.run(argv, env=keyring.environment, stdin=keyring.passphrase + b"\n" + data, timeout=120)
    if done.returncode or not done.stdout:
        raise KeyUnusable(
            "The private key cannot sign.",
            hint="has it expired, is it for encryption alone, or is its passphrase another by now?",
        )
    return done.stdout


def check(public_key: Path, data: bytes, signature: bytes) -> str:
    """See that a detached signature is the given key's.

    Args:
        public_key: the file that holds the key, and no other; no secret is needed, nor memory-backed storage.
        data: what was signed (bytes).
        signature: armoured.

    Returns:
        the fingerprint of the primary key.

    Raises:
        NotSigned: it is not, or the key has expired or was revoked.
        KeyUnusable: the file is missing or holds no key, or several; or gpg is not installed.
    """
    if not public_key.is_file():
        raise KeyUnusable(
            f"There is no {public_key.name} in {public_key.parent}.",
            hint="set DM_CREDENTIALS_REPO to the credentials repository, or public_key under [keys]",
        )
    with public_home() as home:
        ours = _import(home, public_key)
        signed = home / "signature"
        signed.write_bytes(signature)
        done = run_gpg(home, *_STRICT, "--status-fd", "1", "--verify", str(signed), "-", stdin=data)
    lines = done.stdout.decode(errors="replace").splitlines()
    words = [line[9:].split(" ") for line in lines if line.startswith("[GNUPG:] ")]
    names = [w[0] for w in words]
    valid = [w for w in words if w[0] == "VALIDSIG"]
    sound = done.returncode == 0 and [n for n in names if n in _GOOD] == list(_GOOD) and not _BAD & set(names)
    if sound and valid[0][-1] == ours:  # the last word is the primary key's fingerprint (GnuPG's doc/DETAILS)
        return ours
    if "EXPKEYSIG" in names or "REVKEYSIG" in names:
        raise NotSigned(
            f"The key in {public_key.name}, which signed it, has expired or was revoked.",
            hint="put the present public key into the credentials repository, and publish a new cleaned dump",
        )
    raise NotSigned(f"Its signature is not that of the key in {public_key.name}.")


def _import(home: Path, public_key: Path) -> str:
    """Import the one key of a file; returns its fingerprint."""
    run_gpg(home, "--import", str(public_key))
    found = keys_of(run_gpg(home, "--with-colons", "--list-keys").stdout)
    if len(found) != 1:
        raise KeyUnusable(f"{public_key.name} holds {len(found)} public keys; one is wanted.")
    return found[0].fingerprint
