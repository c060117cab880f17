"""decrypt: an OpenPGP message in, what it holds out, and gpg's whole verdict before the end.

gpg hands out plaintext before it has verified it, and its exit status alone proves nothing: a message that
was never encrypted, or is cut short in its first bytes, exits 0. So nothing that comes out of here may be
believed until the generator has ended without an exception.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence

from dmrefresh.errors import DumpDamaged, Failure, KeyUnusable, ProgramFailed
from dmrefresh.keys.private import Keyring, not_started
from dmrefresh.keys.signatures import NotSigned
from dmrefresh.machine import process, signals
from dmrefresh.stages.recipients import ENOUGH

_PROOF = ("BEGIN_DECRYPTION", "DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION")
_FAILURES = {"NODATA", "FAILURE", "ERROR", "BADMDC", "DECRYPTION_FAILED", "UNEXPECTED", "BADARMOR"}
_SIGNATURE = ("NEWSIG", "GOODSIG", "VALIDSIG")
_NO_SIGNATURE = {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"}
_DAMAGED = "do not rely on it: take another (dmrefresh dumps lists them), or make one"
_HIDDEN = "0000000000000000"
"""The recipient of a message that does not say to whom it is (gpg --throw-keyids)."""


class NotForThisKey(KeyUnusable):
    """A message says that it is for other keys than ours."""


def decrypt(
    blocks: Iterable[bytes],
    keyring: Keyring,
    *,
    signed: bool = False,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Generator[bytes]:
    """Yield what an encrypted dump holds.

    Args:
        blocks: the OpenPGP message, binary or armoured.
        keyring: the throw-away keyring that holds the private key.
        signed: whether the message must be signed by that same key; else a signature by any key that gpg can check
            will do, and none.
        on_warning: told what is to be said of a message that is in order.

    Raises:
        DumpDamaged: the message is not whole, was changed, or was never encrypted.
        NotSigned: it is whole, and the signature is missing, does not fit, or is not our key's.
        KeyUnusable: it is encrypted to another key, or the passphrase does not open ours; or gpg is not installed.
        ProgramFailed: a signal ended gpg.
    """

    beginning = bytearray()

    def judge(returncode: int, status: Sequence[str]) -> None:
        signer = keyring.fingerprint if signed else None
        verdict = judge_status(returncode, status, keyring.key_ids, keyring.opens, signer)
        if isinstance(verdict, NotForThisKey) and _is_for(keyring, bytes(beginning)):
            verdict = DumpDamaged("The encrypted dump is damaged: it is for our key, and names another.", hint=_DAMAGED)
        if verdict is not None:
            raise verdict
        if _expired(status):
            on_warning("the private key has expired; it opens what there is, and no new backup can be made for it")

    return converse(
        [*keyring.gpg, "--weak-digest", "SHA1", "--decrypt"],
        _remembered(blocks, beginning),
        keyring.environment,
        judge,
        keyring.passphrase,
    )


def _expired(status: Sequence[str]) -> bool:
    """Whether the key that opened a message has; of the one that signed it gpg speaks after it has begun."""
    begin = status.index("BEGIN_DECRYPTION")
    return any(line.startswith("KEYEXPIRED ") for line in status[:begin])


def _remembered(blocks: Iterable[bytes], beginning: bytearray) -> Iterator[bytes]:
    """The blocks; what is to be remembered of them is added to `beginning`."""
    for block in blocks:
        beginning += block[: ENOUGH - len(beginning)]
        yield block


def _is_for(keyring: Keyring, beginning: bytes) -> bool:
    """Whether the private key opens a message that says it is for another one: no checksum covers that name.

    What comes out is thrown away. It is asked only where a dump did not open, since GnuPG looks for smart cards too.

    Args:
        keyring: of the private key.
        beginning: of the message, with all its session keys.
    """
    told: list[str] = []

    def listen(_: int, status: Sequence[str]) -> None:
        told.extend(status)

    command = [*keyring.gpg, "--try-all-secrets", "--decrypt"]
    for _ in converse(command, [beginning], keyring.environment, listen, keyring.passphrase):
        pass
    return any(line.startswith("DECRYPTION_KEY ") for line in told)


def converse(
    command: Sequence[str],
    blocks: Iterable[bytes],
    environment: dict[str, str],
    judge: Callable[[int, Sequence[str]], None],
    passphrase: bytes | None = None,
) -> Generator[bytes]:
    """Yield what gpg writes while it is fed blocks; it may be believed once the generator has ended.

    Args:
        command: gpg, and what it is to do.
        blocks: what it reads.
        environment: its whole environment.
        judge: is given its exit status and its status lines without their prefix, in order (GnuPG's doc/DETAILS);
            raises if what came out is not to be believed.
        passphrase: told through a pipe that gpg inherits.

    Raises:
        KeyUnusable: gpg is not installed, or may not be run.
        ProgramFailed: it stands still.
    """
    status_read, status_write = os.pipe()
    status: list[str] = []
    listener = threading.Thread(target=_listen, args=(status_read, status), daemon=True)
    open_here, options = [status_write], ["--status-fd", str(status_write)]
    if passphrase is not None:
        passphrase_read, passphrase_write = os.pipe()
        open_here.append(passphrase_read)
        options += ["--passphrase-fd", str(passphrase_read), "--pinentry-mode", "loopback"]
        try:
            # A pipe holds at least 4096 bytes (POSIX PIPE_BUF is less): no reader is needed yet.
            os.write(passphrase_write, passphrase + b"\n")
        finally:
            os.close(passphrase_write)
    inherited = tuple(open_here)
    listener.start()

    def close_ours() -> None:
        while open_here:
            os.close(open_here.pop())

    def on_end(returncode: int) -> None:
        listener.join()
        judge(returncode, status)

    program, *rest = command
    try:
        yield from process.filter_through(
            [program, *options, *rest],
            blocks,
            env=environment,
            pass_fds=inherited,
            on_start=close_ours,
            on_end=on_end,
            patience=process.PATIENCE,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise not_started(error) from None
    finally:
        close_ours()
        signals.join(listener, 10)


def judge_status(
    returncode: int,
    status: Sequence[str],
    key_ids: Collection[str],
    key_opens: Callable[[], bool],
    signer: str | None = None,
) -> Failure | None:
    """Say what is wrong with a decryption, or None where every proof is in.

    Args:
        returncode: gpg's exit status, or minus the number of the signal that ended it.
        status: its status lines without the `[GNUPG:] ` prefix, in order (GnuPG's doc/DETAILS).
        key_ids: the long identifiers of our key and its subkeys.
        key_opens: asked, where the message did not open, whether the passphrase opens the key.
        signer: the fingerprint of the primary key that must have signed the message, None where nobody has to.

    The rule: exit status 0, and BEGIN_DECRYPTION, DECRYPTION_OKAY, GOODMDC and END_DECRYPTION exactly once
    and in this order, and no status that tells of a failure. For an AEAD message, whose integrity is part
    of the cipher, the mode named in DECRYPTION_INFO stands for GOODMDC. What must be signed has exactly one
    signature, inside of what was encrypted, and of it NEWSIG, GOODSIG and VALIDSIG.
    """
    if returncode < 0:  # killed, which says nothing of the message
        return process.killed("gpg", returncode)
    words = [line.split(" ") for line in status]
    names = [w[0] for w in words]
    authenticated = any(w[0] == "DECRYPTION_INFO" and len(w) > 3 and w[3] not in ("", "0") for w in words)
    expected = [n for n in _PROOF if not (authenticated and n == "GOODMDC")]
    proof = [n for n in names if n in expected]
    failed = [n for n in names if n in _FAILURES]
    # At a signature that does not fit, gpg stops before it has looked at the integrity: that is damage, below.
    if proof == expected and not failed and (returncode == 0 or "ERRSIG" in names):
        return _judge_signature(words, expected, signer)
    # DECRYPTION_INFO comes once the session key is known, that is once a private key has opened the message.
    recipients = {w[1] for w in words if w[0] == "ENC_TO" and len(w) > 1}
    unopened = "BEGIN_DECRYPTION" in names and "DECRYPTION_INFO" not in names and bool(recipients)
    if unopened and not recipients & {*key_ids, _HIDDEN}:
        return NotForThisKey(
            "The dump is not encrypted to this private key.",
            hint="was the public key of the backup rotated without its private twin?",
        )
    try:
        opened = not unopened or key_opens()
    except ProgramFailed as failure:  # what keeps it from the key keeps it from the message
        return failure
    if not opened:
        return KeyUnusable(
            "The passphrase does not open the private key.",
            hint="was the key rotated without its passphrase in the credentials repository?",
        )
    if "BEGIN_DECRYPTION" not in names and any(n in names for n in ("PLAINTEXT", "GOODSIG", "BADSIG")):
        return DumpDamaged("The object is not encrypted.", hint="look at the job that wrote it")
    if "BADMDC" in names:
        return DumpDamaged("The encrypted dump is damaged: gpg's integrity check failed.", hint=_DAMAGED)
    return DumpDamaged("The encrypted dump is damaged or cut short: gpg could not verify it to its end.", hint=_DAMAGED)


def _judge_signature(words: Sequence[Sequence[str]], proof: Sequence[str], signer: str | None) -> NotSigned | None:
    """Say what is wrong with the signature of a message that was decrypted with this proof, or None."""
    told = [w[0] for w in words if w[0] in {*_SIGNATURE, *_NO_SIGNATURE, *proof}]
    signatures = {*told} - {*proof}
    if signer is None and not {"BADSIG", "ERRSIG"} & signatures:
        return None
    by = [w[-1] for w in words if w[0] == "VALIDSIG"]  # its last word is the primary key's fingerprint
    if told == [proof[0], *_SIGNATURE, *proof[1:]] and by == [signer]:
        return None
    if not signatures:
        return NotSigned(
            "The dump is not signed.", hint="have the backup sign it, or do not demand it: signed under [dumps]"
        )
    if {"EXPSIG", "EXPKEYSIG", "REVKEYSIG"} & signatures:
        return NotSigned(
            "The key that signed the dump has expired or was revoked.",
            hint="put the present private key into the credentials repository; what it extends counts here too",
        )
    return NotSigned("The dump is signed by another key than ours.", hint="look at who may write to the bucket")


def _listen(descriptor: int, lines: list[str]) -> None:
    with contextlib.suppress(OSError), os.fdopen(descriptor, "rb") as stream:
        for line in stream:
            text = line.decode("utf-8", "replace").strip()
            if text.startswith("[GNUPG:] ") and len(lines) < 10_000:
                lines.append(text.removeprefix("[GNUPG:] "))
