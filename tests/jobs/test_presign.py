"""Leave to store one backup is signed here, and is nothing but what was asked for."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dmrefresh.jobs.backup.presign import presign
from dmrefresh.observer import Observer
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.model import Settings
from tests.jobs.scene import DMREFRESH

NAME = "production-202611220300.sql.gz.gpg"
KEY = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DMREFRESH, "presign", *arguments],
        cwd=folder,
        env=os.environ | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def policy(said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(said["fields"]["policy"]))
    return found


def test_what_is_printed_is_the_json_and_nothing_else(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    done = run(tmp_path, NAME, **KEY)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["url"] == "https://digitalmarketplace-database-backups.s3.eu-west-1.amazonaws.com/"
    assert said["fields"]["key"] == NAME
    assert said["fields"]["acl"] == "bucket-owner-full-control"
    assert said["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert "s3cr3t" not in done.stdout
    conditions = policy(said)["conditions"]
    for wanted in (
        {"key": NAME},
        {"acl": "bucket-owner-full-control"},
        {"bucket": "digitalmarketplace-database-backups"},
        ["content-length-range", 1, 5 * 1024**3],
        ["starts-with", "$x-amz-meta-sha256", ""],
    ):
        assert wanted in conditions
    assert not any(
        isinstance(one, list) and one[0] == "starts-with" and one[1] != "$x-amz-meta-sha256" for one in conditions
    )
    expires = datetime.fromisoformat(policy(said)["expiration"])
    assert timedelta(minutes=9) < expires - before < timedelta(minutes=11)


def test_it_is_valid_for_as_long_as_is_asked(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    said = json.loads(run(tmp_path, NAME, "--expires", "2 hours", **KEY).stdout)
    expires = datetime.fromisoformat(policy(said)["expiration"])
    assert timedelta(minutes=119) < expires - before < timedelta(minutes=121)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["production.sql"], 2, "no name of a backup"),
        (["../production-202611220300.sql.gz.gpg"], 2, "no name of a backup"),
        (["production-202613220300.sql.gz.gpg"], 2, "no name of a backup"),
        ([NAME, "--expires", "soon"], 2, "--expires: a length of time is a number and a unit"),
        ([NAME, "--expires", "8 days"], 2, "valid for 1 second to 1 week"),
    ],
    ids=lambda value: str(value),
)
def test_what_cannot_be_signed_is_told(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    done = run(tmp_path, *arguments, **KEY)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr


def test_without_credentials_nothing_is_signed(tmp_path: Path) -> None:
    done = run(tmp_path, NAME, AWS_EC2_METADATA_DISABLED="true")
    assert (done.returncode, done.stdout) == (16, "")
    assert "no AWS credentials to sign for the bucket digitalmarketplace-database-backups" in done.stderr


def test_credentials_that_have_expired_are_told(tmp_path: Path) -> None:
    done = run(tmp_path, NAME, AWS_SESSION_TOKEN="t", AWS_CREDENTIAL_EXPIRATION="2026-01-01T00:00:00Z", **KEY)
    assert (done.returncode, done.stdout) == (16, "")
    assert "The AWS credentials have expired." in done.stderr


class Warnings(Observer):
    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: str) -> None:
        self.said.append(message)


@pytest.mark.fault("110")
@pytest.mark.parametrize(("minutes", "warned"), [(30, True), (90, False), (None, False)])
def test_credentials_that_expire_before_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, minutes: int | None, warned: bool
) -> None:
    for name, value in {**KEY, "AWS_SESSION_TOKEN": "t0k3n"}.items():
        monkeypatch.setenv(name, value)
    if minutes is not None:
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat())
    warnings = Warnings()
    signed = presign(Settings(dumps=Dumps()), NAME, timedelta(hours=1), warnings)
    assert bool(warnings.said) is warned
    assert not any("t0k3n" in one for one in warnings.said)
    assert json.loads(signed.text)["fields"]["x-amz-security-token"] == "t0k3n"
    assert "t0k3n" not in repr(signed)
