from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dmrefresh.errors import KeyUnusable, ProgramFailed
from dmrefresh.keys import private as keys
from dmrefresh.keys.private import (
    KeyAbsent,
    KeyFiles,
    Keyring,
    decrypt_with_sops,
    memory_backed_storage,
    private_keyring,
)
from dmrefresh.machine import process
from fixtures.parts.secrets import Credentials, sops_encrypt
from tests.proof import Proof

FOLDER = "gpg/database-backups"


@pytest.fixture(autouse=True)
def _age(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))


@pytest.fixture
def files(credentials: Credentials) -> KeyFiles:
    folder = credentials.repository / FOLDER
    return KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")


def encrypted(credentials: Credentials, plain: str, file: Path) -> Path:
    recipient = credentials.age_key_file.read_text().split("public key: ")[1].split()[0]
    file.write_bytes(sops_encrypt(plain.encode(), recipient))
    return file


def left_behind() -> list[str]:
    storage = memory_backed_storage()
    folders = [str(path) for path in storage.glob("dmrefresh-*")]
    of_ours = f"gpg-agent.*{storage}/dmrefresh-"
    agents = subprocess.run(["pgrep", "-fa", of_ours], capture_output=True, text=True, check=False)
    return folders + agents.stdout.splitlines()


@pytest.mark.fault("L13", "L15")
def test_the_keyring_lies_in_memory_for_its_owner_alone_and_is_gone_afterwards(
    files: KeyFiles, credentials: Credentials
) -> None:
    with private_keyring(files) as keyring:
        assert keyring.fingerprint == credentials.fingerprint
        assert keyring.home.parent == memory_backed_storage()
        assert keyring.home.stat().st_mode & 0o777 == 0o700
        assert len(left_behind()) >= 1
    assert left_behind() == []


def test_the_agent_of_a_keyring_need_not_find_out_how_fast_the_machine_is(files: KeyFiles) -> None:
    with private_keyring(files) as keyring:
        argv = ["gpg-connect-agent", "--homedir", str(keyring.home), "GETINFO s2k_count", "/bye"]
        asked = subprocess.run(argv, env=keyring.environment, capture_output=True, text=True, check=True)
        assert asked.stdout.splitlines()[0] == "D 65536"


def test_the_keyring_is_gone_after_an_exception(files: KeyFiles) -> None:
    with pytest.raises(LookupError), private_keyring(files):
        raise LookupError
    assert left_behind() == []


@pytest.mark.fault("L15")
def test_neither_key_nor_passphrase_shows_in_a_printed_keyring(files: KeyFiles, credentials: Credentials) -> None:
    with private_keyring(files) as keyring:
        assert credentials.passphrase not in repr(keyring)


HOLD = """
import sys, time
from pathlib import Path
from dmrefresh.keys.private import KeyFiles, private_keyring
from dmrefresh.machine import signals
signals.install()
with private_keyring(KeyFiles(Path(sys.argv[1]), Path(sys.argv[2]))) as keyring:
    print(keyring.home, flush=True)
    time.sleep(60)
"""


def holding(files: KeyFiles) -> tuple[subprocess.Popen[str], Path]:
    argv = [sys.executable, "-c", HOLD, str(files.secret_key), str(files.passphrase)]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    home = Path(child.stdout.readline().strip())
    assert home.is_dir()
    return child, home


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
def test_the_keyring_and_its_agent_are_gone_after_a_signal(files: KeyFiles, number: signal.Signals) -> None:
    child, _ = holding(files)
    with child:
        os.kill(child.pid, number)
        assert child.wait(20) != 0
    assert left_behind() == []


def test_what_a_killed_run_left_is_removed_by_the_next_but_not_what_is_in_use(files: KeyFiles) -> None:
    killed, abandoned = holding(files)
    living, in_use = holding(files)
    with killed, living:
        killed.kill()
        killed.wait(10)
        assert abandoned.is_dir()
        with private_keyring(files):
            assert not abandoned.exists()
            assert in_use.is_dir()
        living.terminate()
        living.wait(20)
    deadline = time.monotonic() + 5  # an agent whose directory is gone ends by itself
    while left_behind() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_behind() == []


@pytest.mark.parametrize("wrong", ["\n", "two\nlines"])
def test_what_is_no_passphrase_is_refused(
    files: KeyFiles, credentials: Credentials, tmp_path: Path, wrong: str
) -> None:
    passphrase = encrypted(credentials, wrong, tmp_path / "passphrase.enc")
    with (
        pytest.raises(KeyUnusable, match="passphrase of one line"),
        private_keyring(KeyFiles(files.secret_key, passphrase)),
    ):
        pass


def test_a_secret_key_file_without_a_key_is_refused(files: KeyFiles, credentials: Credentials, tmp_path: Path) -> None:
    key = encrypted(credentials, "no key at all", tmp_path / "secret.key.enc")
    with pytest.raises(KeyUnusable, match="0 usable private keys"), private_keyring(KeyFiles(key, files.passphrase)):
        pass


def test_without_the_age_key_sops_says_no(files: KeyFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOPS_AGE_KEY_FILE")
    with pytest.raises(KeyUnusable, match=r"sops cannot decrypt secret\.key\.enc"):
        decrypt_with_sops(files.secret_key)


def test_only_gpg_s_own_word_makes_a_passphrase_a_wrong_one(files: KeyFiles) -> None:
    with private_keyring(files) as keyring:
        wrong = Keyring(keyring.home, b"another", keyring.fingerprint, keyring.key_ids)
        assert not wrong.opens()
        assert keyring.opens()
        subprocess.run(["gpgconf", "--homedir", str(keyring.home), "--kill", "all"], check=True)
        (keyring.home / "private-keys-v1.d").rename(keyring.home / "elsewhere")
        with pytest.raises(ProgramFailed, match="not for want of the right passphrase"):
            keyring.opens()
    assert left_behind() == []


@pytest.mark.parametrize("room", ["0", "4k", "24k"])
def test_where_memory_has_no_room_for_the_key_that_is_said(
    files: KeyFiles, credentials: Credentials, room: str
) -> None:
    ours = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    if subprocess.run(["unshare", *ours, "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace here")
    code = (
        "import sys; from pathlib import Path; from dmrefresh.errors import KeyUnusable\n"
        "from dmrefresh.keys.private import KeyFiles, private_keyring\n"
        "try:\n    with private_keyring(KeyFiles(Path(sys.argv[1]), Path(sys.argv[2]))): print('there was room')\n"
        "except KeyUnusable as failure: print(failure.what)\n"
    )
    # At least one page can be had of any such file system, so that it is filled first.
    full = f"mount -t tmpfs -o size={max(int(room.rstrip('k')), 4)}k none /dev/shm"
    if room == "0":
        full += " && { head -c 1M /dev/zero > /dev/shm/full 2>/dev/null || true; }"
    argv = ["unshare", *ours, "--mount", "sh", "-c", f'{full} && exec "$@"', "sh", sys.executable, "-c", code]
    done = subprocess.run(
        [*argv, str(files.secret_key), str(files.passphrase)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "There is no room in /dev/shm for the private key.\n", done.stderr


def test_a_missing_file_or_program_is_named(files: KeyFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyUnusable, match=r"no absent\.enc"):
        decrypt_with_sops(tmp_path / "absent.enc")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KeyUnusable, match="sops is not installed"):
        decrypt_with_sops(files.secret_key)


@pytest.mark.fault("82e")
def test_a_sops_that_stands_still_is_not_waited_for_for_ever(
    files: KeyFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proof: Proof
) -> None:
    (tmp_path / "sops").write_text("#!/bin/sh\nkill -STOP $$\n")
    (tmp_path / "sops").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(keys, "_SOPS_PATIENCE", 2.0)
    with pytest.raises(KeyAbsent, match=r"sops did not decrypt .* within 2 seconds") as caught:
        decrypt_with_sops(files.secret_key)
    assert caught.value.exit_code == 12
    assert not process._living
    proof.happened(caught.value.what)
