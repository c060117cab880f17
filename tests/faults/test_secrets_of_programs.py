"""What the programs and libraries that handle secrets say of them goes nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dmrefresh.bucket.cache import Cache
from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.errors import KeyUnusable, UsageFailure
from dmrefresh.jobs.refresh.cached import fetched
from dmrefresh.jobs.targets.naming import target_of
from dmrefresh.keys.private import KeyFiles, decrypt_with_sops, memory_backed_storage, private_keyring
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings
from fixtures.parts.secrets import Credentials
from tests.proof import Proof

KEY = "-----BEGIN PGP PRIVATE KEY BLOCK-----\\n\\nhunter2hunter2hunter2\\n-----END PGP PRIVATE KEY BLOCK-----"
SAYS = {
    "it fails and shows the key": (f"printf -- '{KEY}' >&2; exit 128", "sops cannot decrypt .* .exit status 128."),
    "it fails and prints the key": (f"printf -- '{KEY}'; exit 7", "sops cannot decrypt .* .exit status 7."),
    "it prints nothing": ("echo hunter2 >&2", "sops cannot decrypt .* .exit status 0."),
    "it prints what is no key": (f"echo hunter2 >&2; printf -- '{KEY}'", "0 usable private keys|one line"),
    "it prints something else": ("echo hunter2; echo hunter2", "one line|0 usable private keys"),
}
"""What a program that is called sops does, and what is said of it."""


@pytest.fixture
def files(credentials: Credentials) -> KeyFiles:
    folder = credentials.repository / "gpg" / "database-backups"
    return KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")


@pytest.mark.fault("L15")
@pytest.mark.parametrize("does", SAYS)
def test_what_sops_says_goes_nowhere(
    does: str,
    files: KeyFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    proof: Proof,
) -> None:
    script, says = SAYS[does]
    (tmp_path / "sops").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "sops").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(KeyUnusable, match=says) as caught, private_keyring(files):
        pass
    said = f"{caught.value.what} {caught.value.hint} {''.join(capfd.readouterr())}"
    assert "hunter2" not in said
    assert "PRIVATE KEY" not in said
    assert list(memory_backed_storage().glob("dmrefresh-*")) == []
    proof.happened(caught.value.what)


@pytest.mark.fault("L15")
def test_the_key_is_handed_from_sops_to_gpg_in_memory_alone(
    files: KeyFiles, credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program is given a file with the key in clear, and none is left: neither where they lie nor in TMPDIR."""
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    plain = decrypt_with_sops(files.secret_key)
    line = plain.splitlines()[10]
    with private_keyring(files) as keyring:
        lying = [path for path in keyring.home.rglob("*") if path.is_file()]
        assert lying
        assert not [path for path in lying if line in path.read_bytes()]
        passphrase = credentials.passphrase.encode()
        assert not [path for path in lying if passphrase in path.read_bytes()]  # gpg protects what it keeps
        assert all(path.stat().st_mode & 0o077 == 0 or path.suffix in {".kbx", ".gpg"} for path in lying), lying
    assert list(tmp_path.iterdir()) == []


LOGS = """
import logging, sys
from dmrefresh import cli
from dmrefresh import settings

def look(*arguments, **named):
    import boto3
    client = boto3.Session(aws_access_key_id="AKIAHUNTER2", aws_secret_access_key="hunter2secret").client(
        "s3", endpoint_url="http://127.0.0.1:9", region_name="eu-west-1",
        config=__import__("botocore.config").config.Config(retries={"max_attempts": 1}, connect_timeout=1))
    client.generate_presigned_post("bucket", "key", Fields={"x-amz-meta-canary": "canary"})
    try:
        client.get_object(Bucket="hunter2bucket", Key="hunter2key")
    except Exception:
        pass
    for name in ("botocore", "boto3", "urllib3", "gnupg", "psycopg", "sqlglot", "stamina", ""):
        assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING, name
        logging.getLogger(name).error("hunter2 %s", name)
    raise SystemExit(0)

settings.load = look
cli.main()
"""


@pytest.mark.fault("L14")
@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_what_libraries_log_of_requests_is_not_shown(tmp_path: Path, debug: tuple[str, ...], proof: Proof) -> None:
    argv = [sys.executable, "-c", LOGS, "clean-and-apply", "--target", "x", *debug]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    proof.happened("nothing")


@pytest.mark.fault("L13")
def test_what_is_noted_of_a_copy_has_no_password_of_the_stores_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    store = Store("bucket", "eu-west-1", "https://me:hunter2@[::1]:8443/store?token=hunter2")
    dump = DumpRef("bucket", "production-202611260200.sql.gz.gpg", 0, datetime.now(UTC), '"etag"')
    with fetched(Cache(tmp_path / "cache"), store, dump, Observer()) as this:
        this.keep(list)
    (note,) = (tmp_path / "cache").glob("*/note.json")
    assert "[::1]:8443/store" in note.read_text()
    assert "hunter2" not in note.read_text()


@pytest.mark.fault("L1", "L14")
@pytest.mark.parametrize(
    "given",
    [
        "host=localhost dbname=app password=hunter2",
        "app:hunter2@localhost/app",
        "postgresql://app:hunter2@localhost/app",
        "postgresql://localhost/app?password=hunter2",
        "postgresql://localhost/app?sslkey=/key&sslpassword=hunter2",
        "postgresql://localhost/app?oauth_client_secret=hunter2",
    ],
)
def test_a_target_with_a_password_in_it_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(UsageFailure) as refused:
        target_of(Settings(), given)
    assert "hunter2" not in f"{refused.value.what} {refused.value.hint}"
    assert "password" in f"{refused.value.what} {refused.value.hint}"
