"""What ends without an exception is a whole message that the private key opens; whatever else happens is one."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from dmrefresh.errors import BackupNotStored, KeyUnusable
from dmrefresh.keys.private import KeyFiles, Keyring, private_keyring
from dmrefresh.keys.public import Recipient, public_keyring
from dmrefresh.stages.encrypt import encrypt, judge_status
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.recipients import recipients
from fixtures.parts.secrets import USER_ID, Credentials
from tests.children import named
from tests.keys.public_keys import Maker, maker

PLAIN = random.Random(7).randbytes(3_000_000)


@pytest.fixture(scope="module")
def private(credentials: Credentials) -> Iterator[Keyring]:
    folder = credentials.repository / "gpg/database-backups"
    files = KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
        with private_keyring(files) as ring:
            yield ring


@pytest.fixture(scope="module")
def public(credentials: Credentials) -> Iterator[Recipient]:
    with public_keyring(credentials.public_key.read_bytes(), USER_ID) as ring:
        yield ring


@pytest.fixture(scope="module")
def made() -> Iterator[Maker]:
    with maker() as one:
        yield one


def cut(data: bytes, size: int = 100_000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@contextmanager
def known(ring: Keyring, public: bytes) -> Iterator[None]:
    """A keyring that holds another public key for the length of the block."""
    before = (ring.home / "pubring.kbx").read_bytes()
    subprocess.run([*ring.gpg, "--import"], input=public, check=True, capture_output=True)
    yield
    (ring.home / "pubring.kbx").write_bytes(before)


def programs() -> list[psutil.Process]:
    return named("gpg")


@pytest.mark.parametrize("plain", [b"", b"x", PLAIN], ids=["nothing", "a byte", "much"])
@pytest.mark.parametrize("signed", [False, True])
def test_the_private_key_opens_what_was_encrypted(
    private: Keyring, public: Recipient, plain: bytes, signed: bool
) -> None:
    message = b"".join(encrypt(cut(plain), public, signer=private if signed else None))
    assert b"".join(decrypt([message], private)) == plain
    assert message[0] & 0x80  # binary
    assert len(message) < len(plain) + 2000


def test_a_message_is_to_the_one_key_alone(private: Keyring, public: Recipient) -> None:
    for signer in (None, private):
        (key,) = recipients(b"".join(encrypt([b"x"], public, signer=signer))[:4096]) or []
        assert key in private.key_ids


@pytest.mark.parametrize("signed", [False, True])
def test_whatever_goes_wrong_above_is_raised_and_ends_gpg(private: Keyring, public: Recipient, signed: bool) -> None:
    def broken() -> Iterator[bytes]:
        yield PLAIN
        raise LookupError("pg_dump is gone")

    with pytest.raises(LookupError, match="pg_dump is gone"):
        list(encrypt(broken(), public, signer=private if signed else None))
    assert programs() == []


@pytest.mark.parametrize("signed", [False, True])
def test_a_gpg_that_is_killed_at_any_point_is_a_failure(private: Keyring, public: Recipient, signed: bool) -> None:
    dice = random.Random(11)
    for _ in range(10):
        after = dice.choice([0, 1, dice.randrange(len(PLAIN)), len(PLAIN)])

        def killing(after: int = after) -> Iterator[bytes]:
            yield PLAIN[:after]
            (child,) = programs()
            child.send_signal(signal.SIGKILL)
            yield PLAIN[after:]

        with pytest.raises(BackupNotStored, match="gpg was ended by signal 9"):
            list(encrypt(killing(), public, signer=private if signed else None))
        assert programs() == []


def test_whoever_stops_early_leaves_no_gpg_and_no_descriptor(public: Recipient) -> None:
    list(encrypt([b"x"], public))
    before = set(Path("/proc/self/fd").iterdir())
    running = encrypt(cut(PLAIN), public)
    next(running)
    running.close()
    encrypt(cut(PLAIN), public).close()
    assert programs() == []
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_a_passphrase_that_does_not_open_the_key_is_told_before_anything_is_read(
    private: Keyring, public: Recipient
) -> None:
    read: list[int] = []

    def watched() -> Iterator[bytes]:
        read.append(1)
        yield b"x"

    subprocess.run(["gpgconf", "--homedir", str(private.home), "--kill", "all"], check=True)
    wrong = Keyring(private.home, b"wrong", private.fingerprint)
    with pytest.raises(KeyUnusable, match="cannot sign"):
        list(encrypt(watched(), public, signer=wrong))
    assert read == []


def test_a_message_may_be_signed_by_another_key_than_it_is_encrypted_to(
    private: Keyring, public: Recipient, made: Maker
) -> None:
    other = made.keyring(made.make("someone else", "sign"))
    message = b"".join(encrypt(cut(PLAIN), public, signer=other))
    with known(private, made.public(other.fingerprint)):
        assert b"".join(decrypt([message], private)) == PLAIN
    (key,) = recipients(message[:4096]) or []
    assert key in private.key_ids


def test_the_public_key_as_it_is_now_counts_and_not_the_older_copy_beside_the_private_one(made: Maker) -> None:
    fingerprint = made.make("renewed", "sign,cert")
    made.gpg("--quick-add-key", fingerprint, "rsa2048", "encr", "seconds=1")
    with maker() as older:
        older.gpg("--import", stdin=made.gpg("--export-secret-keys", fingerprint))
        made.gpg("--quick-add-key", fingerprint, "rsa2048", "encr", "never")
        with public_keyring(made.public(fingerprint), "renewed") as now:
            message = b"".join(encrypt([PLAIN], now, signer=older.keyring(fingerprint)))
    assert made.gpg("--decrypt", stdin=message) == PLAIN


def test_a_recipient_that_cannot_be_encrypted_to_is_told(public: Recipient, made: Maker) -> None:
    fingerprint = made.make("signs only", "sign")
    with pytest.raises(KeyUnusable, match="does not encrypt to the public key"):
        list(encrypt([b"x"], Recipient(made.home, fingerprint, "signs only", None)))
    with pytest.raises(KeyUnusable, match="does not encrypt to the public key"):
        list(encrypt([b"x"], Recipient(public.home, fingerprint, "signs only", None)))


WHOLE = ["KEY_CONSIDERED A 0", "BEGIN_ENCRYPTION 2 9", "END_ENCRYPTION"]
SIGNED = ["BEGIN_SIGNING H10", "BEGIN_ENCRYPTION 2 9", "SIG_CREATED S 1 10 00 1 A", "END_ENCRYPTION"]


@pytest.mark.parametrize(
    ("returncode", "status", "signed", "whole"),
    [
        (0, WHOLE, False, True),
        (0, SIGNED, True, True),
        (0, ["BEGIN_ENCRYPTION 0 9 2", "END_ENCRYPTION"], False, True),
        (0, ["BEGIN_ENCRYPTION 0 9", "END_ENCRYPTION"], False, False),
        (0, ["BEGIN_ENCRYPTION 0 9 0", "END_ENCRYPTION"], False, False),
        (0, WHOLE, True, False),
        (0, SIGNED, False, False),
        (0, [*SIGNED[:3], *SIGNED[2:]], True, False),
        (0, WHOLE[:2], False, False),
        (0, WHOLE[2:], False, False),
        (0, [*WHOLE, *WHOLE], False, False),
        (0, WHOLE[::-1], False, False),
        (0, [], False, False),
        (2, WHOLE, False, False),
        (-9, WHOLE, False, False),
        (0, [*WHOLE, "FAILURE sign-encrypt 1"], False, False),
        (0, ["ERROR x 1", *WHOLE], False, False),
    ],
)
def test_only_every_proof_together_is_one(returncode: int, status: list[str], signed: bool, whole: bool) -> None:
    assert (judge_status(returncode, status, signed=signed) is None) == whole
