"""A signature is ours, of this very text, or it is none."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dmrefresh.errors import KeyUnusable
from dmrefresh.keys.private import KeyFiles, Keyring, private_keyring
from dmrefresh.keys.signatures import NotSigned, check, sign
from fixtures.parts.secrets import Credentials, keyring, make_credentials

DATA = b"-- dmrefresh mark 1\nthe text that is signed\n"


@pytest.fixture
def files(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> KeyFiles:
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
    folder = credentials.repository / "gpg/database-backups"
    return KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")


@pytest.fixture
def signature(files: KeyFiles) -> bytes:
    with private_keyring(files) as home:
        return sign(home, DATA)


def test_what_was_signed_is_checked_with_the_public_key_alone(
    credentials: Credentials, signature: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOPS_AGE_KEY_FILE")
    assert check(credentials.public_key, DATA, signature) == credentials.fingerprint


@pytest.mark.parametrize("text", [b"", DATA[:-1], DATA + b"\n", DATA.replace(b"1", b"2"), b"\n" + DATA])
def test_another_text_is_not_signed(credentials: Credentials, signature: bytes, text: bytes) -> None:
    with pytest.raises(NotSigned):
        check(credentials.public_key, text, signature)


@pytest.mark.parametrize("text", [b"", b"no signature\n"])
def test_what_is_no_signature_is_none(credentials: Credentials, text: bytes) -> None:
    with pytest.raises(NotSigned):
        check(credentials.public_key, DATA, text)


def test_another_keys_signature_is_not_ours(signature: bytes, tmp_path: Path) -> None:
    other = make_credentials(tmp_path, bits=2048)
    with pytest.raises(NotSigned, match=r"not that of the key in public\.key"):
        check(other.public_key, DATA, signature)


def test_two_signatures_are_not_one(credentials: Credentials, signature: bytes) -> None:
    with pytest.raises(NotSigned):
        check(credentials.public_key, DATA, signature + signature)


@contextmanager
def made(tmp_path: Path, *order: str) -> Iterator[tuple[Path, Keyring]]:
    """A key made with gpg's own short words, its public half in a file, and a keyring that holds the private one."""
    with keyring() as home:
        base = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
        subprocess.run([*base, "--quick-gen-key", "someone", *order], check=True, capture_output=True)
        listed = subprocess.run([*base, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True)
        fingerprint = next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr"))
        public = tmp_path / "public.key"
        public.write_bytes(subprocess.run([*base, "--armor", "--export"], check=True, capture_output=True).stdout)
        yield public, Keyring(home, b"", fingerprint)


def test_a_key_that_has_expired_no_longer_signs_for_us(tmp_path: Path) -> None:
    with made(tmp_path, "rsa2048", "sign", "seconds=3") as (public, home):
        base = [*home.gpg, "--local-user", home.fingerprint, "--armor", "--detach-sign"]
        signature = subprocess.run(base, input=DATA, check=True, capture_output=True).stdout
        time.sleep(4)
        with pytest.raises(NotSigned, match="expired"):
            check(public, DATA, signature)
        with pytest.raises(KeyUnusable, match="cannot sign"):
            sign(home, DATA)


def test_a_key_for_encryption_alone_does_not_sign(tmp_path: Path) -> None:
    with made(tmp_path, "rsa2048", "encr", "never") as (_, home), pytest.raises(KeyUnusable, match="cannot sign"):
        sign(home, DATA)


def test_a_file_of_no_key_or_of_several_is_a_matter_of_the_key(credentials: Credentials, tmp_path: Path) -> None:
    both, nothing = tmp_path / "both.key", tmp_path / "nothing.key"
    with made(tmp_path, "rsa2048", "sign", "never") as (public, _):
        both.write_bytes(public.read_bytes() + credentials.public_key.read_bytes())
    nothing.write_text("no key")
    absent = tmp_path / "absent.key"
    for file, says in ((both, "holds 2 public keys"), (nothing, "holds 0 public keys"), (absent, "There is no absent")):
        with pytest.raises(KeyUnusable, match=says):
            check(file, DATA, b"")


def test_a_passphrase_that_is_wrong_signs_nothing(files: KeyFiles) -> None:
    with private_keyring(files) as home:
        wrong = Keyring(home.home, b"not it", home.fingerprint)
        with pytest.raises(KeyUnusable, match="cannot sign"):
            sign(wrong, DATA)


def test_nothing_of_the_check_stays(credentials: Credentials, signature: bytes, tmp_path: Path) -> None:
    place = Path(tempfile.gettempdir())
    before = set(place.glob("dmrefresh-public-*"))
    check(credentials.public_key, DATA, signature)
    assert set(place.glob("dmrefresh-public-*")) <= before
