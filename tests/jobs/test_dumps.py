"""dumps: what the bucket holds, from List and Get alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from fixtures.parts.dumping import put_dump
from fixtures.parts.seaweedfs import Credentials as Identity
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, keyring, make_credentials
from tests.answers import get
from tests.front import Front
from tests.jobs.scene import DMREFRESH, note_beside

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stage() -> str:
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def command(object_store: ObjectStore, stage: str, tmp_path: Path) -> Command:
    (tmp_path / "dmrefresh.toml").write_text(
        f'[dumps]\nbucket = "{object_store.bucket}"\nendpoint_url = "{object_store.endpoint_url}"\nstage = "{stage}"\n'
    )

    def run(*arguments: str, identity: Identity = object_store.jobs) -> subprocess.CompletedProcess[str]:
        argv = [DMREFRESH, "dumps", *arguments]
        environment = os.environ | {
            "AWS_ACCESS_KEY_ID": identity.access_key,
            "AWS_SECRET_ACCESS_KEY": identity.secret_key,
        }
        return subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def put(store: ObjectStore, stage: str, content: bytes, *, hours_ago: float) -> str:
    return put_dump(store, store.bucket, stage, datetime.now(UTC) - timedelta(hours=hours_ago), BytesIO(content))


def encrypt(content: bytes, *options: str, keys: tuple[Path, ...] = ()) -> bytes:
    """What gpg makes of it, for the recipients in these files."""
    with keyring() as home:
        argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-autostart", "--trust-model", "always"]
        for key in keys:
            argv += ["--recipient-file", str(key)]
        return subprocess.run([*argv, *options], input=content, capture_output=True, check=True).stdout


def subkey(credentials: Credentials) -> str:
    """The key id that gpg itself says decrypts."""
    with keyring() as home:
        argv = ["gpg", "--homedir", str(home), "--batch", "--no-autostart", "--with-colons", "--show-keys"]
        shown = subprocess.run([*argv, str(credentials.public_key)], capture_output=True, check=True, text=True).stdout
    keys = [line.split(":") for line in shown.splitlines() if line.startswith(("pub:", "sub:"))]
    return next(key[4] for key in keys if "e" in key[11])


def test_an_empty_bucket_says_what_fills_it(command: Command, stage: str) -> None:
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"No dumps of {stage} in the bucket ")
    assert "nightly backup" in done.stdout
    assert json.loads(command("--json").stdout)["dumps"] == []


def test_the_newest_comes_first_with_age_size_and_to_whom_it_is_encrypted(
    command: Command, object_store: ObjectStore, credentials: Credentials, stage: str
) -> None:
    ciphertext = encrypt(b"x" * 5000, "--compress-algo", "none", "--encrypt", keys=(credentials.public_key,))
    older = put(object_store, stage, ciphertext, hours_ago=80)
    newer = put(object_store, stage, ciphertext, hours_ago=30.2)
    put(object_store, f"{stage}-other", ciphertext, hours_ago=1)
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", newer, older]
    assert "30 hours" in lines[1]
    assert "3 days" in lines[2]
    found = json.loads(command("--json").stdout)
    assert (found["version"], found["stage"], found["more"]) == (1, stage, 0)
    assert [dump["name"] for dump in found["dumps"]] == [newer, older]
    assert found["dumps"][0]["size"] == len(ciphertext)
    assert found["dumps"][0]["encrypted_to"] == [subkey(credentials)]
    assert found["dumps"][0]["verified"] is False


def test_a_true_note_beside_a_dump_makes_it_verified_and_is_no_dump(
    command: Command, object_store: ObjectStore, stage: str
) -> None:
    contents = {hours: b"x" * (7 + hours) for hours in (4, 3, 2, 1)}
    names = {hours: put(object_store, stage, content, hours_ago=hours) for hours, content in contents.items()}
    note_beside(object_store, names[4], contents[4])
    note_beside(object_store, names[3], contents[3], size=1)
    client = object_store.client(object_store.jobs)
    client.put_object(Bucket=object_store.bucket, Key=f"{names[2]}.verified.json", Body=b"{}")
    client.put_object(Bucket=object_store.bucket, Key=f"{names[1]}.probe", Body=b"x")
    found = json.loads(command("--json").stdout)
    assert [(dump["name"], dump["verified"]) for dump in found["dumps"]] == [
        *((names[hours], False) for hours in (1, 2, 3)),
        (names[4], True),
    ]
    assert (found["takes"], found["refused"]) == (names[4], [])
    header, *lines = command().stdout.splitlines()
    column = header.index("read back")
    assert [line[column:].split()[0] for line in lines] == ["—", "—", "—", "verified"]
    assert [line.endswith("  taken") for line in lines] == [False, False, False, True]


def test_what_a_refresh_would_refuse_is_marked_and_said_in_lines_of_110(
    command: Command, object_store: ObjectStore, credentials: Credentials, stage: str
) -> None:
    whole = encrypt(b"x" * 5000, "--compress-algo", "none", "--encrypt", keys=(credentials.public_key,))
    small = encrypt(b"x" * 50, "--compress-algo", "none", "--encrypt", keys=(credentials.public_key,))
    names = [put(object_store, stage, whole, hours_ago=hours) for hours in (200, 150, 101)]
    newest = put(object_store, stage, small, hours_ago=99)
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1].startswith(newest)
    assert lines[1].endswith("  small, too old")
    assert not any(line.endswith(("small", "too old", "taken")) for line in lines[2:])
    assert lines[5] == f"a refresh refuses: {newest} is 4 days old, and more than 2 days is too old."
    assert lines[6].startswith(f"a refresh refuses: {newest} has ")
    production = done.stdout.replace(stage, "production")
    assert max(map(len, production.splitlines()[:5])) <= 110
    found = json.loads(command("--json").stdout)
    assert [(dump["small"], dump["too_old"]) for dump in found["dumps"]] == [(True, True), *[(False, True)] * 3]
    assert (found["takes"], found["refused"]) == (newest, [line.partition(": ")[2] for line in lines[5:]])
    assert [dump["name"] for dump in found["dumps"][1:]] == names[::-1]


def test_twenty_are_listed_and_all_on_request(command: Command, object_store: ObjectStore, stage: str) -> None:
    for hours in range(23):
        put(object_store, stage, b"x", hours_ago=hours)
    lines = command().stdout.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "and 3 older: --all lists them"
    assert len(command("--all").stdout.splitlines()) == 24
    assert json.loads(command("--json").stdout)["more"] == 3


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("second"), bits=4096)


def test_each_recipient_is_named_whatever_kind_of_message_it_is(
    command: Command, object_store: ObjectStore, credentials: Credentials, second: Credentials, stage: str
) -> None:
    both = (credentials.public_key, second.public_key)
    content = os.urandom(20_000)
    messages = {
        1: encrypt(content, "--encrypt", keys=both),
        2: encrypt(content, "--throw-keyids", "--encrypt", keys=both),
        3: encrypt(content, "--armor", "--encrypt", keys=both),
        4: encrypt(
            content,
            *("--pinentry-mode", "loopback", "--passphrase", "p", "--s2k-mode", "0", "--symmetric"),
        ),
        5: b"no OpenPGP message",
        6: b"",
        7: encrypt(content, "--encrypt", keys=both)[:700],
        8: encrypt(content, "--store"),
    }
    for hours, message in messages.items():
        put(object_store, stage, message, hours_ago=hours)
    found = [dump["encrypted_to"] for dump in json.loads(command("--json").stdout)["dumps"]]
    keys = [subkey(credentials), subkey(second)]
    assert sorted(found[0]) == sorted(keys)
    assert found[1:6] == [["hidden", "hidden"], None, [], None, None]
    assert sorted(found[6]) == sorted(keys)
    assert found[7] is None


def test_a_bucket_that_these_credentials_may_not_list_ends_with_20_and_its_name(
    command: Command, object_store: ObjectStore, tmp_path: Path
) -> None:
    file = tmp_path / "dmrefresh.toml"
    file.write_text(file.read_text().replace(object_store.bucket, "no-such-bucket"))
    done = command()
    assert done.returncode == 20  # a job that may read one bucket is told no about every other, whether it is there
    assert done.stdout == ""
    assert "no-such-bucket" in done.stderr


def test_who_may_list_and_read_nothing_sees_the_list(command: Command, object_store: ObjectStore, stage: str) -> None:
    content = b"x" * 9
    name = put(object_store, stage, content, hours_ago=2)
    note_beside(object_store, name, content)
    done = command("--json", identity=object_store.listers)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["takes"] is None
    (dump,) = found["dumps"]
    assert (dump["name"], dump["size"], dump["verified"], dump["encrypted_to"]) == (name, 9, False, None)


@pytest.mark.fault("80l")
def test_a_signal_ends_a_list_that_s3_does_not_answer_without_waiting_for_it(
    object_store: ObjectStore, command: Command, stage: str, tmp_path: Path
) -> None:
    """It would be asked for each dump again and again, with half a minute for each answer."""
    put(object_store, stage, b"x", hours_ago=1)
    settings, asked = tmp_path / "dmrefresh.toml", threading.Event()
    with Front(object_store) as front:
        front.always(get().do(asked.set).stall())
        settings.write_text(settings.read_text().replace(object_store.endpoint_url, front.url))
        environment = os.environ | {
            "AWS_ACCESS_KEY_ID": object_store.jobs.access_key,
            "AWS_SECRET_ACCESS_KEY": object_store.jobs.secret_key,
        }
        with subprocess.Popen([DMREFRESH, "dumps"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as child:
            assert asked.wait(60)
            child.send_signal(signal.SIGINT)
            assert child.wait(60) == 128 + signal.SIGINT
        assert len(front.gets()) == 1
