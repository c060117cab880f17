"""doctor: what is wrong with the programs and the keys that open a backup is seen before the night it matters."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dmrefresh.keys import private as keys
from dmrefresh.machine import folders
from fixtures.parts.secrets import Credentials, make_credentials, sops_encrypt
from tests.jobs.hospital import Hospital, assert_fails, assert_passes, assert_skips, assert_warns
from tests.keys.public_keys import LONG_AGO, Maker, maker

KEYS = ("gpg", "memory", "sops", "sops.", "key.")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """Another key pair of the same name, and another age key."""
    return make_credentials(tmp_path_factory.mktemp("other"), bits=2048)


@pytest.fixture
def making() -> Iterator[Maker]:
    with maker() as made:
        yield made


def age_recipient(credentials: Credentials) -> str:
    return credentials.age_key_file.read_text().split("public key: ")[1].split()[0]


def file_away(hospital: Hospital, name: str, clear: bytes) -> None:
    """Put a file into the credentials repository, encrypted with SOPS."""
    (hospital.keys / name).write_bytes(sops_encrypt(clear, age_recipient(hospital.credentials)))


def file_pair(hospital: Hospital, making: Maker, fingerprint: str) -> None:
    """Put a pair into the credentials repository; its private half has no passphrase, so that any opens it."""
    hospital.keys.joinpath("public.key").write_bytes(making.public(fingerprint))
    file_away(hospital, "secret.key.enc", making.gpg("--armor", "--export-secret-keys", fingerprint))


def fake(hospital: Hospital, monkeypatch: pytest.MonkeyPatch, name: str, script: str | None) -> None:
    """Let the PATH lead to another program of this name, or to none."""
    folder = hospital.folder / "bin"
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(place).glob("*"):
            if program.name in ("gpg", "gpgconf", "gpg-agent", "gpg-connect-agent", "sops"):
                link = folder / program.name
                link.unlink(missing_ok=True)
                link.symlink_to(program)
    (folder / name).unlink()
    if script is not None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_a_key_pair_that_is_as_it_should_be_passes_every_check_and_leaves_nothing_behind(hospital: Hospital) -> None:
    found = hospital.examined(*KEYS)
    assert {one.status for one in found.found} == {"pass"}, found.text(110)
    assert len(found.found) == 12
    assert_passes(found, "key.pair", "was read with the private one just now")
    assert list(keys.memory_backed_storage().glob("dmrefresh-*")) == []
    assert list((hospital.folder / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("program", "script", "name", "words"),
    [
        ("gpg", None, "gpg", "not installed"),
        ("gpg", "echo 'gpg (GnuPG) 2.0.22'", "gpg", "version 2.0.22"),
        ("gpg", "echo nonsense", "gpg", "does not say a version"),
        ("gpgconf", None, "gpg", "without gpgconf"),
        ("gpgconf", "echo gpg-agent:Private Keys:/absent/gpg-agent", "gpg", "without gpg-agent"),
        ("sops", None, "sops", "not installed"),
        ("sops", "echo 'sops 3.7.3'", "sops", "version 3.7.3"),
    ],
)
def test_a_program_that_is_missing_or_too_old_fails_and_what_needs_it_is_skipped(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch, program: str, script: str | None, name: str, words: str
) -> None:
    fake(hospital, monkeypatch, program, script)
    found = hospital.examined(*KEYS)
    assert_fails(found, name, 12, words)
    assert [one.name for one in found.found if one.status == "fail"] == [name]
    assert_skips(found, "key.private", name)
    assert_skips(found, "key.pair", name)


def test_a_machine_without_storage_in_memory_fails(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_IN_MEMORY", set())
    found = hospital.examined(*KEYS)
    assert_fails(found, "memory", 12, "no memory-backed storage")
    assert_skips(found, "key.private", "memory-backed storage")


def test_files_that_sops_cannot_open_fail_each(
    hospital: Hospital, other: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(other.age_key_file))
    found = hospital.examined(*KEYS)
    assert_fails(found, "sops.secret_key", 12, "cannot decrypt secret.key.enc")
    assert_fails(found, "sops.passphrase", 12, "cannot decrypt secret-key-passphrase.txt.enc")
    assert_skips(found, "key.private", "sops.secret_key")
    (hospital.keys / "secret.key.enc").unlink()
    assert_fails(hospital.examined(*KEYS), "sops.secret_key", 12, "There is no secret.key.enc")


def test_without_a_credentials_repository_it_says_how_to_name_one(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hospital.sections["keys"]
    found = hospital.examined(*KEYS)
    assert_fails(found, "sops.secret_key", 2, "where the credentials repository is")
    assert_skips(found, "sops.passphrase", "the credentials repository")
    assert_skips(found, "key.expiry", "the credentials repository")
    assert [one.name for one in found.found if one.status == "fail"] == ["sops.secret_key"]


def test_a_public_key_that_was_not_rotated_with_its_private_twin_fails_by_both_names(
    hospital: Hospital, other: Credentials
) -> None:
    hospital.keys.joinpath("public.key").write_bytes(other.public_key.read_bytes())
    found = hospital.examined(*KEYS)
    assert_fails(found, "key.pair", 12, "is stale", other.fingerprint, hospital.credentials.fingerprint)
    assert [one.name for one in found.found if one.status == "fail"] == ["key.pair"]


def test_a_new_subkey_of_which_the_private_half_was_not_filed_fails(hospital: Hospital, making: Maker) -> None:
    fingerprint = making.make("Digital Marketplace DB backups", "sign", *LONG_AGO)
    making.gpg(*LONG_AGO, "--quick-add-key", fingerprint, "rsa2048", "encr", "never")
    file_pair(hospital, making, fingerprint)
    making.gpg("--quick-add-key", fingerprint, "rsa2048", "encr", "never")
    hospital.keys.joinpath("public.key").write_bytes(making.public(fingerprint))
    found = hospital.examined(*KEYS)
    assert_fails(found, "key.pair", 12, "The public key has a subkey", "whose private part is not in")


def test_a_wrong_passphrase_fails(hospital: Hospital) -> None:
    file_away(hospital, "secret-key-passphrase.txt.enc", b"hunter2")
    found = hospital.examined(*KEYS)
    assert_fails(found, "key.passphrase", 12, "does not open the private key")
    assert_skips(found, "key.pair", "key.passphrase")
    assert "hunter2" not in found.text(110) + found.json()


def nothing(making: Maker) -> bytes:
    return b"nothing\n"


def two_of_the_name(making: Maker) -> bytes:
    for _ in range(2):
        making.make("Digital Marketplace DB backups", "encr")
    return making.public()


def for_signing_alone(making: Maker) -> bytes:
    return making.public(making.make("Digital Marketplace DB backups", "sign"))


def of_somebody_else(making: Maker) -> bytes:
    return making.public(making.make("Somebody else", "encr"))


@pytest.mark.parametrize(
    ("public", "name", "words"),
    [
        (nothing, "key.public", "holds no public key"),
        (two_of_the_name, "key.recipient", "2 public keys are of"),
        (for_signing_alone, "key.recipient", "not for encryption"),
        (of_somebody_else, "key.recipient", "No public key is of"),
    ],
)
def test_a_public_key_that_a_backup_could_not_be_encrypted_to_fails(
    hospital: Hospital, making: Maker, public: Callable[[Maker], bytes], name: str, words: str
) -> None:
    hospital.keys.joinpath("public.key").write_bytes(public(making))
    found = hospital.examined(*KEYS)
    assert_fails(found, name, 12, words)
    assert_skips(found, "key.pair", name)
    if public is two_of_the_name:
        assert_warns(found, "key.public", "2 public keys")


def test_without_a_public_key_it_says_where_one_belongs(hospital: Hospital) -> None:
    hospital.keys.joinpath("public.key").unlink()
    found = hospital.examined(*KEYS)
    assert_fails(found, "key.public", 12, "public.key", str(hospital.keys))
    assert_skips(found, "key.expiry", "key.public")


def test_a_key_that_cannot_sign_fails_where_something_is_signed(hospital: Hospital, making: Maker) -> None:
    # Without a signing primary key there is none at all; one that has expired still opens what is there.
    file_pair(hospital, making, making.make("Digital Marketplace DB backups", "sign,encr", *LONG_AGO, until="1d"))
    assert_fails(hospital.examined(*KEYS), "key.signs", 12, "cannot sign")
    del hospital.sections["targets.cleaned"]
    assert_warns(hospital.examined(*KEYS), "key.signs", "no setting asks for")
    hospital.sections["dumps"] += "\nsigned = true"
    assert_fails(hospital.examined(*KEYS), "key.signs", 12, "cannot sign")


def test_a_key_that_has_expired_fails_and_one_that_soon_will_is_warned_of(hospital: Hospital, making: Maker) -> None:
    file_pair(hospital, making, making.make("Digital Marketplace DB backups", "sign,encr", *LONG_AGO, until="1d"))
    found = hospital.examined(*KEYS)
    assert_fails(found, "key.expiry", 12, "has expired on 2020-01-02", "nothing can be encrypted")
    assert_fails(found, "key.recipient", 12, "has expired")


@pytest.mark.parametrize(("days", "soon"), [(59, True), (90, False)])
def test_a_key_is_warned_of_sixty_days_before_it_expires(
    hospital: Hospital, making: Maker, days: int, soon: bool
) -> None:
    file_pair(hospital, making, making.make("Digital Marketplace DB backups", "sign,encr", until=f"{days}d"))
    found = hospital.examined(*KEYS)
    (assert_warns if soon else assert_passes)(found, "key.expiry", "expires on")
    assert found.exit_code == 0


def test_a_key_that_was_revoked_fails(hospital: Hospital, making: Maker) -> None:
    fingerprint = making.make("Digital Marketplace DB backups", "sign,encr")
    making.revoke(fingerprint)
    hospital.keys.joinpath("public.key").write_bytes(making.public(fingerprint))
    assert_fails(hospital.examined(*KEYS), "key.expiry", 12, "was revoked")


def test_the_home_of_the_user_is_left_alone(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    home = hospital.folder / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    hospital.examined(*KEYS)
    assert list(home.iterdir()) == []


def test_no_agent_goes_on_living(hospital: Hospital) -> None:
    hospital.examined(*KEYS)
    of_ours = f"gpg-agent.*{keys.memory_backed_storage()}/dmrefresh-"
    assert subprocess.run(["pgrep", "-f", of_ours], capture_output=True, check=False).returncode == 1
