from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dmrefresh.errors import DumpDamaged, Failure, KeyUnusable, ProgramFailed
from dmrefresh.keys.private import KeyFiles, Keyring, private_keyring
from dmrefresh.machine import process
from dmrefresh.stages.gpg import NotForThisKey, decrypt, judge_status
from fixtures.parts.secrets import Credentials, make_credentials, sops_encrypt
from tests.proof import Proof

PLAIN = random.Random(5).randbytes(400_000)


def gpg(home: Path, *arguments: str, stdin: bytes = PLAIN) -> bytes:
    argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty", "--trust-model", "always", *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout


def files_of(credentials: Credentials) -> KeyFiles:
    folder = credentials.repository / "gpg/database-backups"
    return KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")


@pytest.fixture(scope="module")
def keyring(credentials: Credentials) -> Iterator[Keyring]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
        with private_keyring(files_of(credentials)) as ring:
            yield ring


@pytest.fixture(scope="module")
def encrypted(keyring: Keyring) -> Callable[..., bytes]:
    def make(*options: str, payload: bytes = PLAIN) -> bytes:
        return gpg(keyring.home, "--compress-algo", "none", "-r", keyring.fingerprint, *options, "-e", stdin=payload)

    return make


def cut(data: bytes, size: int = 50_000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def failure_of(message: bytes, keyring: Keyring) -> Failure:
    with pytest.raises(Failure) as caught:
        list(decrypt(cut(message), keyring))
    return caught.value


@pytest.mark.parametrize("size", [7_001, 1 << 20])
def test_a_whole_message_comes_out_whole(keyring: Keyring, encrypted: Callable[..., bytes], size: int) -> None:
    assert b"".join(decrypt(cut(encrypted(), size), keyring)) == PLAIN


def test_an_armoured_message_comes_out_whole(keyring: Keyring, encrypted: Callable[..., bytes]) -> None:
    assert b"".join(decrypt(cut(encrypted("--armor")), keyring)) == PLAIN


@pytest.mark.parametrize("part", [0.002, 0.01, 0.25, 0.5, 0.99, 0.9999])
def test_one_flipped_bit_is_damage(keyring: Keyring, encrypted: Callable[..., bytes], part: float) -> None:
    message = bytearray(encrypted())
    message[int(len(message) * part)] ^= 4
    failure = failure_of(bytes(message), keyring)
    assert (type(failure), failure.exit_code) == (DumpDamaged, 13)


def test_a_flip_in_the_integrity_code_itself_is_damage(keyring: Keyring, encrypted: Callable[..., bytes]) -> None:
    message = bytearray(encrypted())
    message[-3] ^= 1
    failure = failure_of(bytes(message), keyring)
    assert isinstance(failure, DumpDamaged)
    assert "dmrefresh dumps" in str(failure.hint)


@pytest.mark.parametrize("end", [0, 1, 97, 0.25, 0.5, 0.99999])
def test_a_message_cut_short_is_damage(keyring: Keyring, encrypted: Callable[..., bytes], end: float) -> None:
    message = encrypted()
    kept = end if isinstance(end, int) else int(len(message) * end)
    failure = failure_of(message[:kept], keyring)
    assert isinstance(failure, DumpDamaged)
    assert "dmrefresh dumps" in str(failure.hint)


def test_what_follows_a_message_is_damage(keyring: Keyring, encrypted: Callable[..., bytes]) -> None:
    assert isinstance(failure_of(encrypted() + b"rubbish", keyring), DumpDamaged)
    assert isinstance(failure_of(encrypted() + encrypted(), keyring), DumpDamaged)


def test_what_was_never_encrypted_is_damage(keyring: Keyring) -> None:
    stored = gpg(keyring.home, "--compress-algo", "none", "--store")
    assert isinstance(failure_of(stored, keyring), DumpDamaged)
    assert isinstance(failure_of(PLAIN, keyring), DumpDamaged)
    assert isinstance(failure_of(b"-- PostgreSQL database dump\n", keyring), DumpDamaged)


def test_a_message_without_integrity_protection_is_damage(keyring: Keyring, encrypted: Callable[..., bytes]) -> None:
    old = encrypted("--rfc2440", "--disable-mdc", "--cipher-algo", "3DES")
    assert isinstance(failure_of(old, keyring), DumpDamaged)


def test_another_recipients_message_says_that_the_key_does_not_fit(
    keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make_credentials(tmp_path_factory.mktemp("other"), bits=2048)
    message = gpg(keyring.home, "--recipient-file", str(other.public_key), "-e", stdin=b"theirs")
    failure = failure_of(message, keyring)
    assert (type(failure), failure.exit_code) == (NotForThisKey, 12)
    assert "not encrypted to this private key" in failure.what


@pytest.mark.parametrize("wrong", ["another", "Schlüssel ‏לא‏ 🔑"])
def test_a_wrong_passphrase_says_so_and_does_not_show_it(
    credentials: Credentials,
    encrypted: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
    file = tmp_path / "passphrase.enc"
    recipient = credentials.age_key_file.read_text().split("public key: ")[1].split()[0]
    file.write_bytes(sops_encrypt(wrong.encode(), recipient))
    message = encrypted()
    with private_keyring(KeyFiles(files_of(credentials).secret_key, file)) as ring:
        failure = failure_of(message, ring)
    assert (type(failure), failure.exit_code) == (KeyUnusable, 12)
    assert "passphrase does not open" in failure.what
    assert wrong not in str(failure)


def test_a_configuration_of_the_users_is_not_read(
    keyring: Keyring, encrypted: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (keyring.home / "gpg.conf").write_text("ignore-mdc-error\n")
    message = bytearray(encrypted())
    message[len(message) // 2] ^= 4
    try:
        assert isinstance(failure_of(bytes(message), keyring), DumpDamaged)
    finally:
        (keyring.home / "gpg.conf").unlink()


def test_what_goes_wrong_above_goes_through_unchanged(keyring: Keyring, encrypted: Callable[..., bytes]) -> None:
    def broken() -> Iterator[bytes]:
        yield encrypted()[:200_000]
        raise LookupError("the bucket is gone")

    with pytest.raises(LookupError, match="the bucket is gone"):
        list(decrypt(broken(), keyring))


def test_a_consumer_that_stops_leaves_no_gpg_behind(keyring: Keyring, encrypted: Callable[..., bytes]) -> None:
    closed = []

    def source() -> Iterator[bytes]:
        try:
            while True:
                yield from cut(encrypted())
        finally:
            closed.append(True)

    blocks = decrypt(source(), keyring)
    next(blocks)
    blocks.close()
    running = subprocess.run(["pgrep", "-f", f"homedir {keyring.home} .*--decrypt"], capture_output=True, check=False)
    assert running.stdout == b""
    assert closed


GOOD = ["BEGIN_DECRYPTION", "DECRYPTION_INFO 2 9", "PLAINTEXT 62 1 ", "DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION"]


def test_every_proof_is_needed_once_and_in_order() -> None:
    assert judge_status(0, GOOD, {"AA"}, lambda: True) is None
    assert judge_status(2, GOOD, {"AA"}, lambda: True) is not None
    assert judge_status(0, GOOD + GOOD, {"AA"}, lambda: True) is not None
    assert judge_status(0, [*GOOD, "NODATA 3"], {"AA"}, lambda: True) is not None
    for proof in ("BEGIN_DECRYPTION", "DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION"):
        assert judge_status(0, [line for line in GOOD if line != proof], {"AA"}, lambda: True) is not None
    assert judge_status(0, [GOOD[0], GOOD[4], GOOD[3], GOOD[5]], {"AA"}, lambda: True) is not None


def test_a_gpg_that_was_killed_says_nothing_of_the_message() -> None:
    """Neither that it is damaged, nor that the key does not fit; what it had said by then proves nothing."""
    for said in (GOOD, GOOD[:2], []):
        verdict = judge_status(-9, said, {"AA"}, lambda: False)
        assert isinstance(verdict, ProgramFailed)
        assert verdict.retry
        assert "gpg was ended by SIGKILL" in verdict.what


def test_an_authenticated_cipher_stands_for_the_integrity_code() -> None:
    authenticated = [line for line in GOOD if line != "GOODMDC"]
    authenticated[1] = "DECRYPTION_INFO 0 9 2"
    assert judge_status(0, authenticated, {"AA"}, lambda: True) is None


def test_a_message_to_others_is_told_from_a_damaged_one_to_us() -> None:
    unopened = ["ENC_TO AA 1 0", "BEGIN_DECRYPTION", "DECRYPTION_FAILED", "END_DECRYPTION"]
    assert isinstance(judge_status(2, unopened, {"AA"}, lambda: True), DumpDamaged)
    assert isinstance(judge_status(2, unopened, {"AA"}, lambda: False), KeyUnusable)
    assert isinstance(judge_status(2, unopened, {"BB"}, lambda: True), KeyUnusable)
    assert isinstance(
        judge_status(2, ["ENC_TO 0000000000000000 1 0", *unopened[1:]], {"BB"}, lambda: True), DumpDamaged
    )


@pytest.mark.parametrize("bit", [0, 17, 63])
def test_a_flip_in_the_name_of_the_key_is_damage_and_no_other_key(
    keyring: Keyring, encrypted: Callable[..., bytes], bit: int
) -> None:
    message = bytearray(encrypted())
    message[4 + bit // 8] ^= 1 << bit % 8  # behind the packet's tag, length and version
    failure = failure_of(bytes(message), keyring)
    assert (type(failure), failure.exit_code) == (DumpDamaged, 13)
    assert "names another" in failure.what


def test_where_the_bytes_are_not_those_that_were_noted_that_is_said_of_another_keys_message_too(
    keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make_credentials(tmp_path_factory.mktemp("another"), bits=2048)
    message = gpg(keyring.home, "--recipient-file", str(other.public_key), "-e")

    def changed() -> Iterator[bytes]:
        yield from cut(message)
        raise DumpDamaged("It is not what was noted.")

    with pytest.raises(DumpDamaged, match="not what was noted"):
        list(decrypt(changed(), keyring))


@pytest.mark.fault("14f")
@pytest.mark.parametrize("read", [0, 100_000], ids=["at its beginning", "in the middle"])
def test_a_gpg_that_stands_still_is_ended(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: int, proof: Proof
) -> None:
    (tmp_path / "gpg").write_text(f"#!/bin/sh\nhead -c {read} >/dev/null\nkill -STOP $$\n")
    (tmp_path / "gpg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(process, "PATIENCE", 2)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ProgramFailed, match="gpg stands still") as caught:
        list(decrypt((bytes(1 << 20) for _ in range(8)), keyring))
    assert (caught.value.exit_code, caught.value.retry) == (25, True)
    assert not process._living
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    proof.happened(caught.value.what)
