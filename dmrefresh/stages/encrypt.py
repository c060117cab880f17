"""encrypt: bytes in, an OpenPGP message to one public key out, and gpg's whole verdict before the end.

A message that was cut short here may look whole to whoever decrypts it, so whoever stores what comes out makes an
object of it only once the generator has ended without an exception.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from dmrefresh.errors import BackupNotStored, Failure, KeyUnusable
from dmrefresh.keys import signatures
from dmrefresh.keys.private import Keyring
from dmrefresh.keys.public import Recipient
from dmrefresh.stages.gpg import converse

_PROOF = ("BEGIN_ENCRYPTION", "END_ENCRYPTION")
_FAILURES = {"INV_RECP", "NO_RECP", "INV_SGNR", "NO_SGNR", "FAILURE", "ERROR", "UNEXPECTED"}
_KEYRING = "pubring.kbx"


def encrypt(blocks: Iterable[bytes], recipient: Recipient, *, signer: Keyring | None = None) -> Generator[bytes]:
    """Yield an OpenPGP message that holds the blocks, binary and not compressed.

    Args:
        blocks: what is encrypted; an exception raised in making them kills gpg and is raised here.
        recipient: the public key, to which alone it is encrypted.
        signer: holds the private key to sign with; without it the message is not signed.

    Raises:
        BackupNotStored: gpg did not come to its end; what it wrote is no whole message.
        KeyUnusable: the public key cannot be encrypted to, or the private key cannot sign; or gpg is not installed.
    """

    def judge(returncode: int, status: Sequence[str]) -> None:
        verdict = judge_status(returncode, status, signed=signer is not None)
        if verdict is not None:
            raise verdict

    options = ["--trust-model", "always", "--no-encrypt-to", "--compress-algo", "none"]
    options += ["--recipient", recipient.fingerprint]
    if signer is None:
        command = [*recipient.gpg, *options, "--encrypt"]
        yield from converse(command, blocks, recipient.environment, judge)
        return
    # gpg signs only once it has read all: what it cannot do is better known before.
    signatures.sign(signer, b"can it?")
    # Both keyrings, the recipient's first: the public half beside the private key may be an older copy of the same.
    command = [*signer.gpg, "--no-default-keyring"]
    for home in (recipient.home, signer.home):
        command += ["--keyring", str(home / _KEYRING)]
    options += ["--local-user", signer.fingerprint, "--digest-algo", "SHA512"]
    command += [*options, "--sign", "--encrypt"]
    yield from converse(command, blocks, signer.environment, judge, signer.passphrase)


def judge_status(returncode: int, status: Sequence[str], *, signed: bool) -> Failure | None:
    """Say what is wrong with an encryption, or None where every proof is in.

    Args:
        returncode: gpg's exit status.
        status: its status lines without the `[GNUPG:] ` prefix, in order (GnuPG's doc/DETAILS).
        signed: whether one signature is to be made as well.

    The rule: exit status 0, BEGIN_ENCRYPTION and END_ENCRYPTION once each and in this order, a mode that protects
    the integrity, as many signatures as are wanted, and no status that tells of a failure.
    """
    words = [line.split(" ") for line in status]
    names = [w[0] for w in words]
    proof = [n for n in names if n in _PROOF]
    # BEGIN_ENCRYPTION <mdc_method> <symmetric algorithm> [<aead_algo>]
    protected = any(w[0] == "BEGIN_ENCRYPTION" and (w[1:2] != ["0"] or w[3:4] not in ([], ["0"])) for w in words)
    whole = proof == list(_PROOF) and protected and names.count("SIG_CREATED") == int(signed)
    failed = [n for n in names if n in _FAILURES]
    if returncode == 0 and whole and not failed:
        return None
    if "INV_RECP" in failed or "NO_RECP" in failed:
        return KeyUnusable("gpg does not encrypt to the public key.", hint="has it expired, or been revoked?")
    if returncode < 0:
        return BackupNotStored(f"gpg was ended by signal {-returncode} before all was encrypted.", hint="run it again")
    return BackupNotStored(f"gpg did not encrypt the backup to its end (exit status {returncode}).")
