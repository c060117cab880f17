"""What is done to the encrypted object and to the key, through the command itself."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import USER_ID, Credentials, keyring, make_credentials, sops_encrypt
from tests.faults.conftest import Made
from tests.jobs.backing_up import make_backup
from tests.jobs.scene import Scene
from tests.jobs.small import bodies
from tests.keys.public_keys import LONG_AGO, maker
from tests.proof import Proof

HOW = ("--compress-algo", "none", "--trust-model", "always")

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("smaller_dumps_are_taken")


@pytest.fixture
def own(made: Made, tmp_path: Path) -> Made:
    """The same with a folder and a key that a test may change."""
    scene, text = made
    return replace(scene, folder=tmp_path), text


def message(scene: Scene, packed: bytes, *options: str, command: str = "--encrypt") -> bytes:
    """What gpg makes of it, for the scene's key."""
    with keyring() as home:
        argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-options", *HOW, *options]
        to = ["--recipient-file", str(scene.credentials.public_key)] if command == "--encrypt" else []
        return subprocess.run([*argv, *to, command], input=packed, capture_output=True, check=True).stdout


def key_of(like: Credentials, folder: Path, passphrase: str, *options: str, until: str = "never") -> Credentials:
    """A credentials repository with a key of its own, made with these options of gpg's."""
    files = folder / "credentials" / "gpg" / "database-backups"
    files.mkdir(parents=True)
    words = ["--pinentry-mode", "loopback", "--passphrase-fd", "0", "--status-fd", "2", *options]
    with keyring() as home:

        def gpg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
            argv = ["gpg", "--homedir", str(home), "--no-options", "--batch", "--quiet", *words, *arguments]
            return subprocess.run(argv, input=passphrase.encode() + b"\n", capture_output=True, check=True)

        said = gpg("--quick-gen-key", USER_ID, "rsa2048", "sign,cert", until).stderr.decode()
        fingerprint = said.split(" KEY_CREATED ")[1].split()[1]
        gpg("--quick-add-key", fingerprint, "rsa2048", "encr", until)
        secret = gpg("--armor", "--export-secret-keys").stdout
        (files / "public.key").write_bytes(gpg("--armor", "--export").stdout)
    recipient = like.age_key_file.read_text().split("public key: ")[1].split()[0]
    (files / "secret.key.enc").write_bytes(sops_encrypt(secret, recipient))
    (files / "secret-key-passphrase.txt.enc").write_bytes(sops_encrypt(passphrase.encode(), recipient))
    return replace(
        like,
        repository=folder / "credentials",
        public_key=files / "public.key",
        fingerprint=fingerprint,
        passphrase=passphrase,
    )


def flipped(ciphertext: bytes, position: float) -> bytes:
    """With one bit changed; at a part of the whole, or at so many bytes from the beginning or the end."""
    changed = bytearray(ciphertext)
    changed[int(len(changed) * position) if isinstance(position, float) else position] ^= 8
    return bytes(changed)


@pytest.mark.parametrize(
    ("position", "says"),
    [
        pytest.param(0.001, "damaged or cut short", marks=pytest.mark.fault("1a"), id="0.1 %"),
        pytest.param(0.01, "integrity check failed", marks=pytest.mark.fault("1a"), id="1 %"),
        pytest.param(0.25, "integrity check failed", marks=pytest.mark.fault("1a"), id="25 %"),
        pytest.param(0.5, "integrity check failed", marks=pytest.mark.fault("1a"), id="50 %"),
        pytest.param(0.99, "integrity check failed", marks=pytest.mark.fault("1a"), id="99 %"),
        pytest.param(0.9999, "integrity check failed", marks=pytest.mark.fault("1a"), id="99.99 %"),
        pytest.param(-3, "integrity check failed", marks=pytest.mark.fault("1b"), id="integrity code"),
        pytest.param(9, "for our key, and names another", marks=pytest.mark.fault("1c"), id="name of the key"),
    ],
)
def test_one_flipped_bit_is_damage(made: Made, proof: Proof, position: float, says: str) -> None:
    scene, text = made
    scene.put(flipped(scene.encrypt(text), position))
    proof.refused(scene, 13, says=says)


@pytest.mark.parametrize("end", [1, 97, 0.25, 0.5, 0.99999])
@pytest.mark.fault("3a")
def test_an_object_cut_short_is_damage(made: Made, proof: Proof, end: float) -> None:
    scene, text = made
    whole = scene.encrypt(text)
    scene.put(whole[: int(len(whole) * end) if isinstance(end, float) else end])
    proof.refused(scene, 13, says="damaged or cut short|integrity check failed")


@pytest.mark.fault("3b")
def test_an_object_without_a_byte_is_passed_over_and_refused_by_its_name(own: Made, proof: Proof) -> None:
    scene, text = own
    older = scene.put(scene.encrypt(text))
    name = scene.put(b"")
    proof.refused(scene, 10, "--dump", name, says="is an empty object")
    ended = proof.published(scene, says=f"{name} is empty and was passed over")
    assert ended.report["dump"]["name"] == older


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("rubbish", marks=pytest.mark.fault("4a"), id="rubbish"),
        pytest.param("a message", marks=pytest.mark.fault("4b"), id="another message"),
    ],
)
def test_what_follows_the_message_is_damage(made: Made, proof: Proof, what: str) -> None:
    scene, text = made
    scene.put(scene.encrypt(text) + (scene.encrypt(text) if what == "a message" else what.encode()))
    proof.refused(scene, 13, says="The encrypted dump is damaged")


@pytest.mark.fault("5")
def test_a_dump_for_another_key_is_not_tried_again(own: Made, proof: Proof) -> None:
    scene, text = own
    scene.more = ""
    other = make_credentials(scene.folder, bits=2048)
    scene.put(scene.encrypt(text, recipient=other.public_key))
    ended = proof.refused(scene, 12, says="is not encrypted to this private key")
    assert ended.report["attempts"] == 1


@pytest.mark.parametrize(
    ("passphrase", "says"),
    [
        pytest.param(b"another", "passphrase does not open", marks=pytest.mark.fault("6a"), id="another"),
        pytest.param(b"", "sops cannot decrypt", marks=pytest.mark.fault("6b"), id="nothing"),
        pytest.param(b"\n", "does not hold a passphrase", marks=pytest.mark.fault("6b"), id="an empty line"),
    ],
)
def test_a_wrong_passphrase_is_not_tried_again(
    own: Made, proof: Proof, monkeypatch: pytest.MonkeyPatch, passphrase: bytes, says: str
) -> None:
    scene, text = own
    scene.more = ""
    recipient = scene.credentials.age_key_file.read_text().split("public key: ")[1].split()[0]
    file = scene.folder / "passphrase.enc"
    file.write_bytes(sops_encrypt(passphrase, recipient))
    monkeypatch.setenv("DMREFRESH_KEYS_PASSPHRASE", str(file))
    scene.put(scene.encrypt(text))
    ended = proof.refused(scene, 12, says=says)
    assert ended.report["attempts"] == 1


@pytest.mark.fault("6c")
def test_a_passphrase_may_have_any_letters(own: Made, proof: Proof) -> None:
    scene, text = own
    scene.credentials = key_of(scene.credentials, scene.folder, "Grüße ‏שלום‏ 🔑 §")
    scene.put(scene.encrypt(text))
    proof.published(scene)
    assert bodies(scene) == {"canary"}


@pytest.mark.fault("7")
def test_a_key_that_has_expired_opens_what_there_is(own: Made, proof: Proof) -> None:
    scene, text = own
    scene.credentials = key_of(scene.credentials, scene.folder, "of long ago", *LONG_AGO, until="1d")
    scene.put(message(scene, gzip.compress(text), *LONG_AGO))
    ended = proof.published(scene, says="warning: the private key has expired")
    assert ended.output.count("has expired") == 1
    assert bodies(scene) == {"canary"}


@pytest.mark.fault("8")
def test_a_backup_to_a_key_that_has_expired_is_not_begun(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    proof: Proof,
) -> None:
    backup = make_backup(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    backup.credentials = key_of(credentials, tmp_path, "of long ago", *LONG_AGO, until="1d")
    begun, programs = tmp_path / "begun", tmp_path / "programs"
    programs.mkdir()
    (programs / "pg_dump").write_text(f"#!/bin/sh\ntouch {begun}\nexit 1\n")
    (programs / "pg_dump").chmod(0o755)
    backup.environ = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    ended = backup.back_up()
    assert ended.code == 12, ended.output
    assert "has expired" in ended.output
    assert not begun.exists()
    assert backup.objects() == []
    proof.happened(ended)
    proof.nothing_left(backup, ended)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.fault("9a")
def test_what_was_never_encrypted_is_damage(made: Made, proof: Proof, packed: bool) -> None:
    scene, text = made
    scene.put(gzip.compress(text) if packed else text)
    proof.refused(scene, 13, says="damaged or cut short")


@pytest.mark.fault("9b")
def test_a_message_that_is_not_encrypted_is_told(made: Made, proof: Proof) -> None:
    scene, text = made
    scene.put(message(scene, gzip.compress(text), command="--store"))
    proof.refused(scene, 13, says="is not encrypted")


@pytest.mark.fault("9c")
def test_a_message_that_is_signed_alone_is_told(made: Made, proof: Proof) -> None:
    scene, text = made
    with maker() as one:
        one.make("whoever", "sign,cert")
        signed = one.gpg("--compress-algo", "none", "--sign", stdin=gzip.compress(text))
    scene.put(signed)
    proof.refused(scene, 13, says="is not encrypted")


@pytest.mark.fault("10")
def test_a_message_without_an_integrity_code_is_damage(made: Made, proof: Proof) -> None:
    scene, text = made
    scene.put(message(scene, gzip.compress(text), "--rfc2440", "--disable-mdc", "--cipher-algo", "3DES"))
    proof.refused(scene, 13, says="damaged or cut short")


@pytest.mark.fault("11a")
def test_an_armoured_message_is_published(made: Made, proof: Proof) -> None:
    scene, text = made
    scene.put(message(scene, gzip.compress(text), "--armor"))
    proof.published(scene)
    assert bodies(scene) == {"canary"}


@pytest.mark.fault("11b")
def test_an_armoured_message_cut_short_is_damage(made: Made, proof: Proof) -> None:
    scene, text = made
    armoured = message(scene, gzip.compress(text), "--armor")
    scene.put(armoured[: len(armoured) // 2])
    proof.refused(scene, 13, says="damaged or cut short|integrity check failed")


@pytest.mark.fault("12")
def test_an_empty_message_is_damage(made: Made, proof: Proof) -> None:
    scene, _ = made
    scene.put(message(scene, b""))
    proof.refused(scene, 13, says="decrypted dump is empty")


@pytest.mark.fault("13")
def test_a_configuration_of_the_users_does_not_let_damage_pass(
    own: Made, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, text = own
    for folder in (scene.folder / ".gnupg", scene.folder / "elsewhere"):
        folder.mkdir(mode=0o700)
        (folder / "gpg.conf").write_text("ignore-mdc-error\n")
    scene.put(flipped(scene.encrypt(text), -3))  # all of the text comes out right; only GnuPG complains
    monkeypatch.setenv("HOME", str(scene.folder))
    monkeypatch.setenv("GNUPGHOME", str(scene.folder / "elsewhere"))
    proof.refused(scene, 13, says="integrity check failed")


@pytest.mark.slow
@pytest.mark.fault("T1", "T2")
def test_damage_anywhere_is_damage_or_does_not_matter(proof: Proof) -> None:
    # In a process of its own: what it starts to share work among others would outlive it in this one.
    words = ["--flips", "30", "--cuts", "20", "--seed", "20261126"]
    argv = [sys.executable, "-m", "tests.faults.thousand", *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sums = dict(re.findall(r"^(published, byte|exit 13).* (\d+ +\d+)$", done.stdout, re.MULTILINE))
    right, damaged = (sum(map(int, sums[one].split())) for one in ("published, byte", "exit 13"))
    assert right + damaged == 50
    proof.happened(f"50 tried: {damaged} exit 13, {right} the right data")
