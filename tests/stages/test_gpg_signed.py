"""Where a signature is demanded, only our key's over the very text that was encrypted will do."""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from dmrefresh.errors import DumpDamaged
from dmrefresh.keys.private import Keyring
from dmrefresh.keys.public import public_keyring
from dmrefresh.keys.signatures import NotSigned
from dmrefresh.stages.encrypt import encrypt
from dmrefresh.stages.gpg import decrypt, judge_status
from tests.keys.public_keys import LONG_AGO, Maker, maker

PLAIN = random.Random(13).randbytes(300_000)
AS_IT_IS = ("--trust-model", "always", "--compress-algo", "none")


@pytest.fixture(scope="module")
def made() -> Iterator[Maker]:
    with maker() as one:
        yield one


@pytest.fixture(scope="module")
def ours(made: Maker) -> Keyring:
    fingerprint = made.make("ours", "sign,cert")
    made.gpg("--quick-add-key", fingerprint, "rsa2048", "encr", "never")
    return made.keyring(fingerprint)


@pytest.fixture
def message(made: Maker, ours: Keyring) -> Callable[..., bytes]:
    def make(*signers: str, plain: bytes = PLAIN, options: tuple[str, ...] = ()) -> bytes:
        by = [word for signer in signers for word in ("--local-user", signer)]
        sign = ["--sign"] if signers else []
        return made.gpg(*AS_IT_IS, *options, "-r", ours.fingerprint, *by, *sign, "--encrypt", stdin=plain)

    return make


def refusal(message: bytes, keyring: Keyring, *, signed: bool = True) -> DumpDamaged:
    with pytest.raises(DumpDamaged) as caught:
        list(decrypt([message], keyring, signed=signed))
    return caught.value


def opened(message: bytes, keyring: Keyring, *, signed: bool) -> bytes:
    return b"".join(decrypt([message], keyring, signed=signed))


def test_what_was_encrypted_and_signed_is_taken_whether_or_not_it_has_to_be(made: Maker, ours: Keyring) -> None:
    with public_keyring(made.public(ours.fingerprint), "ours") as recipient:
        message = b"".join(encrypt([PLAIN], recipient, signer=ours))
    assert opened(message, ours, signed=True) == PLAIN
    assert opened(message, ours, signed=False) == PLAIN


def test_a_subkeys_signature_is_the_keys(made: Maker, message: Callable[..., bytes]) -> None:
    fingerprint = made.make("with subkeys", "sign,cert")
    for usage in ("sign", "encr"):
        made.gpg("--quick-add-key", fingerprint, "rsa2048", usage, "never")
    text = made.gpg(*AS_IT_IS, "-r", fingerprint, "-u", fingerprint, "-s", "-e", stdin=PLAIN)
    assert opened(text, made.keyring(fingerprint), signed=True) == PLAIN


def test_what_is_not_signed_is_taken_only_where_it_need_not_be(ours: Keyring, message: Callable[..., bytes]) -> None:
    assert opened(message(), ours, signed=False) == PLAIN
    refused = refusal(message(), ours)
    assert isinstance(refused, NotSigned)
    assert (refused.what, refused.exit_code, refused.retry) == ("The dump is not signed.", 13, False)


def test_another_keys_signature_is_none_though_gpg_may_know_it(
    made: Maker, ours: Keyring, message: Callable[..., bytes]
) -> None:
    other = made.make("known to gpg", "sign")
    assert "another key than ours" in refusal(message(other), ours).what
    assert opened(message(other), ours, signed=False) == PLAIN
    assert isinstance(refusal(message(ours.fingerprint, other), ours), NotSigned)
    assert isinstance(refusal(message(other, ours.fingerprint), ours), NotSigned)


@pytest.mark.parametrize("signed", [True, False])
def test_a_signature_that_cannot_be_checked_is_refused_as_that(ours: Keyring, made: Maker, signed: bool) -> None:
    with maker() as stranger:
        stranger.gpg("--import", stdin=made.public(ours.fingerprint))
        by = stranger.make("unknown", "sign")
        text = stranger.gpg(*AS_IT_IS, "-r", ours.fingerprint, "-u", by, "-s", "-e", stdin=PLAIN)
    refused = refusal(text, ours, signed=signed)
    assert isinstance(refused, NotSigned)
    assert "another key than ours" in refused.what


def test_a_signature_by_sha_1_is_none(ours: Keyring, message: Callable[..., bytes]) -> None:
    assert isinstance(refusal(message(ours.fingerprint, options=("--digest-algo", "SHA1")), ours), NotSigned)


def test_the_signature_of_a_key_that_has_expired_since_is_told(made: Maker) -> None:
    fingerprint = made.make("expired", "sign,cert", *LONG_AGO, until="1d")
    made.gpg(*LONG_AGO, "--quick-add-key", fingerprint, "rsa2048", "encr", "1d")
    text = made.gpg(*LONG_AGO, *AS_IT_IS, "-r", fingerprint, "-u", fingerprint, "-s", "-e", stdin=PLAIN)
    refused = refusal(text, made.keyring(fingerprint))
    assert isinstance(refused, NotSigned)
    assert "has expired or was revoked" in refused.what
    assert opened(text, made.keyring(fingerprint), signed=False) == PLAIN


@pytest.mark.parametrize("part", [0.3, 0.6, 0.999])
def test_what_is_damaged_is_damaged_first(ours: Keyring, message: Callable[..., bytes], part: float) -> None:
    text = bytearray(message(ours.fingerprint))
    text[int(len(text) * part)] ^= 4
    refused = refusal(bytes(text), ours)
    assert not isinstance(refused, NotSigned)
    assert refused.retry


def test_a_signature_that_was_put_around_another_text_is_refused(
    made: Maker, ours: Keyring, message: Callable[..., bytes]
) -> None:
    signed = bytearray(made.gpg("--compress-algo", "none", "-u", ours.fingerprint, "-s", stdin=PLAIN))
    assert opened(sealed(bytes(signed), made, message()), ours, signed=True) == PLAIN
    signed[len(signed) // 2] ^= 1
    tampered = sealed(bytes(signed), made, message())
    for demanded in (True, False):
        assert "could not verify it" in refusal(tampered, ours, signed=demanded).what


def test_a_signature_outside_of_what_was_encrypted_is_none(
    made: Maker, ours: Keyring, message: Callable[..., bytes]
) -> None:
    outside = made.gpg("--compress-algo", "none", "-u", ours.fingerprint, "-s", stdin=PLAIN)
    for text in (outside, message() + outside, outside + message()):
        refusal(text, ours)


def sealed(packets: bytes, made: Maker, like: bytes) -> bytes:
    """These packets, encrypted as somebody does who has the public key: RFC 4880, section 5.13.

    Args:
        packets: what stands inside.
        made: can open `like`.
        like: a message whose session key is used.
    """
    argv = ["gpg", "--homedir", str(made.home), "--batch", "--show-session-key", "--decrypt"]
    said = subprocess.run(argv, input=like, capture_output=True, check=True).stderr.decode()
    kind, _, key = re.search(r"session key: '(\d+)(:)([0-9A-F]+)'", said).groups()  # type: ignore[union-attr]
    assert kind in ("7", "8", "9")  # AES
    beginning = os.urandom(16)
    text = beginning + beginning[-2:] + packets + b"\xd3\x14"
    text += hashlib.sha1(text).digest()
    packing = Cipher(algorithms.AES(bytes.fromhex(key)), CFB(bytes(16))).encryptor()
    body = b"\x01" + packing.update(text) + packing.finalize()
    session_key = like[: 3 + int.from_bytes(like[1:3])]  # the first packet, with a length of two bytes
    assert session_key[0] == 0x85
    return session_key + b"\xd2\xff" + len(body).to_bytes(4) + body


BEFORE = ["BEGIN_DECRYPTION", "DECRYPTION_INFO 2 9", "PLAINTEXT 62 1 "]
AFTER = ["DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION"]
SIGNATURE = ["NEWSIG", "GOODSIG AA us", "VALIDSIG BB 2026-11-26 1 0 4 0 1 10 00 CC"]


@pytest.mark.parametrize(
    ("returncode", "status", "signer", "taken"),
    [
        (0, [*BEFORE, *SIGNATURE, *AFTER], "CC", True),
        (0, [*BEFORE, *SIGNATURE, *AFTER], None, True),
        (0, [*BEFORE, *SIGNATURE, *AFTER], "BB", False),
        (0, [*BEFORE, *AFTER], "CC", False),
        (0, [*BEFORE, *SIGNATURE[:2], *AFTER], "CC", False),
        (0, [*BEFORE, *SIGNATURE[:1], *SIGNATURE[2:], *AFTER], "CC", False),
        (0, [*BEFORE, *SIGNATURE, *SIGNATURE, *AFTER], "CC", False),
        (0, [*BEFORE, *AFTER, *SIGNATURE], "CC", False),
        (0, [*SIGNATURE, *BEFORE, *AFTER], "CC", False),
        (0, [*BEFORE, SIGNATURE[0], "EXPKEYSIG AA us", SIGNATURE[2], *AFTER], "CC", False),
        (0, [*BEFORE, SIGNATURE[0], "REVKEYSIG AA us", SIGNATURE[2], *AFTER], "CC", False),
        (0, [*BEFORE, *SIGNATURE, "NEWSIG", "ERRSIG AA", *AFTER], "CC", False),
        (0, [*BEFORE, "NEWSIG", "BADSIG AA us", *AFTER], None, False),
        (0, [*BEFORE, "NEWSIG", "ERRSIG AA", *AFTER], None, False),
        (2, [*BEFORE, *SIGNATURE, *AFTER], "CC", False),
        (-9, [*BEFORE, *SIGNATURE, *AFTER], "CC", False),
        (0, [*BEFORE, *SIGNATURE, *AFTER[:2]], "CC", False),
        (0, [*BEFORE, *SIGNATURE, *AFTER, "FAILURE x 1"], "CC", False),
    ],
)
def test_only_every_proof_together_is_one(returncode: int, status: list[str], signer: str | None, taken: bool) -> None:
    assert (judge_status(returncode, status, {"AA"}, lambda: True, signer) is None) == taken
