"""Nothing is encrypted to a key that nobody meant, or that cannot be encrypted to, and it is said before the start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dmrefresh.errors import NOT_STORED, KeyUnusable
from dmrefresh.keys.public import public_keyring
from dmrefresh.stages.encrypt import encrypt
from fixtures.parts.secrets import USER_ID, Credentials
from tests.keys.public_keys import LONG_AGO, Maker, maker

FULL = "DB backups (nightly, at three) <backups@example.org>"


@pytest.fixture
def made() -> Iterator[Maker]:
    with maker() as one:
        yield one


def refused(armoured: bytes, recipient: str) -> KeyUnusable:
    with pytest.raises(KeyUnusable) as caught, public_keyring(armoured, recipient):
        pass
    assert caught.value.state == NOT_STORED
    return caught.value


def homes() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("dmrefresh-public-*"))


def test_the_key_of_the_credentials_repository_is_found_by_its_name(credentials: Credentials) -> None:
    with public_keyring(credentials.public_key.read_bytes(), USER_ID) as found:
        assert (found.fingerprint, found.name, found.expires) == (credentials.fingerprint, USER_ID, None)
        assert found.home in homes()
        assert not list(found.home.glob("private-keys-v1.d/*"))
    assert homes() == []


def test_a_key_is_meant_by_its_name_its_address_all_of_it_or_its_fingerprint(made: Maker) -> None:
    fingerprint = made.make(FULL, "encr")
    grouped = " ".join(fingerprint[at : at + 4] for at in range(0, 40, 4)).lower()
    for meant in (FULL, "DB backups", "db BACKUPS ", "backups@example.org", fingerprint, grouped, f"0x{fingerprint}"):
        with public_keyring(made.public(), meant) as found:
            assert (found.fingerprint, found.name) == (fingerprint, FULL)


@pytest.mark.parametrize(
    "part", ["backups", "DB", "", " ", "example.org", "nightly, at three", "DB backups (nightly, at three)", "0x", "*"]
)
def test_a_part_of_a_name_means_nobody(made: Maker, part: str) -> None:
    made.make(FULL, "encr")
    refusal = refused(made.public(), part)
    assert f"No public key is of `{part}`" in refusal.what
    assert FULL in str(refusal.hint)


def test_a_name_with_colons_and_letters_of_any_kind_is_found(made: Maker) -> None:
    fingerprint = made.make("Säkerhetskopior: natt \\ <x@y.se>", "encr")
    with public_keyring(made.public(), "Säkerhetskopior: natt \\") as found:
        assert found.fingerprint == fingerprint


def test_of_two_keys_of_one_name_neither_is_taken(made: Maker) -> None:
    one, two = made.make(USER_ID, "encr"), made.make(f"{USER_ID} <x@example.org>", "encr")
    refusal = refused(made.public(), USER_ID)
    assert f"2 public keys are of `{USER_ID}`: {one}, {two}." in refusal.what
    with public_keyring(made.public(), two) as found:
        assert found.fingerprint == two


def test_beside_its_expired_forerunner_the_present_key_is_taken(made: Maker) -> None:
    made.make(USER_ID, "encr", *LONG_AGO, until="1d")
    present = made.make(f"{USER_ID} <x@example.org>", "encr", until="2d")
    with public_keyring(made.public(), USER_ID) as found:
        assert found.fingerprint == present
        assert found.expires is not None
        assert timedelta(days=1) < found.expires - datetime.now(UTC) < timedelta(days=3)


def test_an_expired_key_is_told(made: Maker) -> None:
    fingerprint = made.make(USER_ID, "encr", *LONG_AGO, until="1d")
    assert f"{fingerprint} has expired" in refused(made.public(), USER_ID).what


def test_a_revoked_key_is_told(made: Maker) -> None:
    fingerprint = made.make(USER_ID, "encr")
    made.revoke(fingerprint)
    assert f"{fingerprint} was revoked" in refused(made.public(), USER_ID).what


def test_a_key_that_only_signs_is_told(made: Maker) -> None:
    fingerprint = made.make(USER_ID, "sign")
    assert f"{fingerprint} is not for encryption" in refused(made.public(), USER_ID).what


def test_a_key_whose_subkey_for_encryption_has_expired_is_told_and_the_next_subkey_counts(made: Maker) -> None:
    fingerprint = made.make(USER_ID, "sign", *LONG_AGO)
    made.gpg(*LONG_AGO, "--quick-add-key", fingerprint, "rsa2048", "encr", "1d")
    assert f"{fingerprint} has a subkey for encryption that has expired" in refused(made.public(), USER_ID).what
    made.gpg("--quick-add-key", fingerprint, "rsa2048", "encr", "2d")
    with public_keyring(made.public(), USER_ID) as found:
        assert found.expires is not None
        assert found.expires > datetime.now(UTC)


def test_a_revoked_user_id_means_nobody(made: Maker) -> None:
    fingerprint = made.make("other", "encr")
    made.gpg("--quick-add-uid", fingerprint, USER_ID)
    made.gpg("--quick-revoke-uid", fingerprint, USER_ID)
    assert "No public key is of" in refused(made.public(), USER_ID).what


def test_a_private_key_in_the_public_ones_place_is_refused_and_written_nowhere(made: Maker) -> None:
    fingerprint = made.make(USER_ID, "encr")
    private = made.gpg("--armor", "--export-secret-keys", fingerprint)
    assert "is a private one" in refused(private, USER_ID).what
    assert "is a private one" in refused(made.public() + private, USER_ID).what


@pytest.mark.parametrize("text", [b"", b"no key\n", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"])
def test_what_is_no_key_is_told(text: bytes) -> None:
    assert "There is no public key" in refused(text, USER_ID).what


def test_a_key_cut_short_is_told(made: Maker) -> None:
    made.make(USER_ID, "encr")
    whole = made.gpg("--export")
    for end in (10, 200, len(whole) // 2, len(whole) - 5):
        refused(whole[:end], USER_ID)


def test_a_folder_for_temporary_files_may_lie_so_deep_that_gpg_finds_no_agent(
    credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with public_keyring(credentials.public_key.read_bytes(), USER_ID) as found:
        assert str(found.home).startswith(str(deep))
        assert b"".join(encrypt([b"text"], found))


def test_the_keyring_is_gone_after_an_exception(credentials: Credentials) -> None:
    with pytest.raises(LookupError), public_keyring(credentials.public_key.read_bytes(), USER_ID):
        raise LookupError
    assert homes() == []


def test_a_disk_without_room_is_not_told_as_a_key_that_is_none(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from dmrefresh.keys.public import public_home\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from dmrefresh.machine.folders import NoRoom\n"
        "try:\n"
        "    with public_home(): pass\n"
        "except NoRoom as full: print(full.what)\n"
    )
    env = dict(os.environ) | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"The public key cannot be kept in {tmp_path}: File too large.\n"
    assert list(tmp_path.iterdir()) == []
