"""What a dump's own note, and what lies beside it, do to the real command: nothing but refuse, and in time."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import psycopg
import pytest

from dmrefresh.dump.note import Note, write_note, write_rows
from dmrefresh.keys.private import KeyFiles, private_keyring
from dmrefresh.keys.public import public_keyring
from dmrefresh.stages.encrypt import encrypt
from fixtures.parts.dumping import put_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import DMREFRESH, Scene, note_beside
from tests.jobs.small import bodies, small_scene
from tests.jobs.test_faults import unchanged
from tests.jobs.test_plan import plan

Made = tuple[Scene, bytes]


@pytest.fixture
def made(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Made:
    """A target of one row, and the text of a dump of 2,000."""
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)


def put(scene: Scene, text: bytes, note: Note | None = None, rows: dict[str, int] | None = None) -> str:
    """Store a dump with a note before it and a count behind it, as one that was read back."""
    return scene.put(
        scene.encrypt((write_note(note) if note else b"") + text + (write_rows(rows) if rows else b"")), read_back=True
    )


def planned(scene: Scene, *arguments: str) -> dict[str, object]:
    done = plan(scene, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def identifier(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.fault("112")
@pytest.mark.parametrize("verify_first", ["true", "false"])
def test_other_rows_than_the_backup_counted_are_never_published(made: Made, verify_first: str) -> None:
    scene, text = made
    scene.more = f"verify_first = {verify_first}"
    lines = text.split(b"\n")
    row = next(number for number, line in enumerate(lines) if line.startswith(b"1000\t"))
    put(scene, b"\n".join(lines[:row] + lines[row + 1 :]), rows={"note": 2000})
    output = unchanged(scene, 13)
    assert "note has 1,999, not 2,000" in output
    assert "attempt 2" not in output
    assert bodies(scene) == {"old"}
    checked = scene.check_dump("--latest")
    assert checked.code == 13
    assert "note has 1,999, not 2,000" in checked.output


def test_a_dump_that_is_what_its_note_says_is_published_without_a_warning(made: Made) -> None:
    scene, text = made
    name = put(scene, text, Note(system_identifier=7, database="another"), {"note": 2000})
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert "warning" not in ended.output
    assert ended.report["dump"]["name"] == name
    assert bodies(scene) == {"canary"}
    assert scene.check_dump("--latest").code == 0


def test_a_dump_under_another_name_is_warned_of_once(made: Made) -> None:
    scene, text = made
    scene.more = "verify_first = true"
    put(scene, text, Note(name="production-202511220300.sql.gz.gpg"))
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert ended.output.count("warning: ") == ended.output.count("had another name when it was made") == 1
    assert "had another name when it was made" in scene.check_dump("--latest").output
    warnings = planned(scene)["warnings"]
    assert isinstance(warnings, list)
    assert len(warnings) == 1


@pytest.mark.fault("112")
def test_the_database_that_a_dump_was_taken_from_is_no_target_for_it(made: Made) -> None:
    scene, text = made
    name = scene.target_url.rpartition("/")[2].partition("?")[0]
    put(scene, text, Note(system_identifier=identifier(scene.target_url), database=name))
    output = unchanged(scene, 15)
    assert f"is the database {name} that the dump was taken from" in output
    assert "not_production" in output
    assert codes(planned(scene)) == [15]
    scene.more = 'not_production = "restored from a snapshot"'
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert bodies(scene) == {"canary"}


@pytest.mark.fault("91b")
def test_a_dump_that_was_changed_since_it_was_read_back_is_never_published(made: Made) -> None:
    scene, text = made
    read_back = scene.encrypt(text)
    changed = scene.encrypt(text.replace(b"canary", b"canard"))
    name = scene.put(changed)
    note_beside(scene.store, name, changed, sha256=hashlib.sha256(read_back).hexdigest())
    assert "SHA-256" in unchanged(scene, 13)
    assert scene.check_dump(name).code == 0  # it is another dump, and a whole one


def signed(scene: Scene, text: bytes) -> bytes:
    """What the backup makes of a dump where it signs."""
    folder, armoured = scene.credentials.public_key.parent, scene.credentials.public_key.read_bytes()
    files = KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")
    with (
        pytest.MonkeyPatch.context() as patch,
        public_keyring(armoured, scene.credentials.recipient) as recipient,
    ):
        patch.setenv("SOPS_AGE_KEY_FILE", str(scene.credentials.age_key_file))
        with private_keyring(files) as keyring:
            return b"".join(encrypt([gzip.compress(text, 1)], recipient, signer=keyring))


@pytest.mark.fault("112")
def test_where_dumps_must_be_signed_one_that_is_not_or_has_another_name_is_refused(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, text = made
    monkeypatch.setenv("DMREFRESH_DUMPS_SIGNED", "true")
    output = unchanged(scene, 13)
    assert "The dump is not signed." in output
    assert "attempt 2" not in output
    checked = scene.check_dump("--latest")
    assert (checked.code, "The dump is not signed." in checked.output) == (13, True)
    assert "warning: whether the dump is signed" in scene.check_dump("--quick").output

    scene.put(signed(scene, text), read_back=True)
    older = Note(name="production-202511220300.sql.gz.gpg")
    scene.put(signed(scene, write_note(older) + text), read_back=True)
    for output in (unchanged(scene, 13), scene.check_dump("--latest").output):
        assert "another backup under a new name" in output
    ended = scene.refresh("--fall-back")  # nothing is damaged, and somebody is to be looked for
    assert (ended.code, bodies(scene)) == (13, {"old"}), ended.output
    assert codes(planned(scene)) == [13]

    scene.put(signed(scene, text), read_back=True)
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert "gpg has verified every byte, and the signature" in ended.output
    assert bodies(scene) == {"canary"}
    assert scene.check_dump("--latest").code == 0


@pytest.mark.fault("111")
def test_without_one_that_was_read_back_a_refresh_may_end_before_anything_is_done_and_a_plan_tells(made: Made) -> None:
    scene, _ = made
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DMREFRESH_DUMPS_UNVERIFIED", "refuse")
        output = unchanged(scene, 10)
        assert "was ever read back" in output
        assert "--record" in output
        found = planned(scene)
        assert (found["blocked"], codes(found)) == (True, [10])
        listed = run(scene, "dumps").stdout
        assert "a refresh refuses: No dump of" in listed
        name = listed.splitlines()[1].split()[0]
        ended = scene.refresh("--dump", name)
    assert ended.code == 0, ended.output
    assert f"warning: {name} was never read back" in ended.output


@pytest.mark.fault("S8")
def test_an_old_dump_ends_a_refresh_before_anything_is_done_unless_it_is_named(made: Made) -> None:
    scene, text = made
    name = put_old(scene, text)
    output = unchanged(scene, 10)
    assert f"error: {name} is 2 days old, and more than 2 days is too old." in output
    assert f"--dump {name}" in output
    assert codes(planned(scene)) == [10]
    named = planned(scene, "--dump", name)
    assert (named["blocked"], named["warnings"]) == (False, [f"{name} is 2 days old, and more than 2 days is too old"])
    assert f"warning: {name} is 2 days old" in scene.check_dump("--latest").output
    ended = scene.refresh("--dump", name)
    assert ended.code == 0, ended.output
    assert f"warning: {name} is 2 days old" in ended.output
    assert bodies(scene) == {"canary"}


def test_a_ruleset_is_held_against_the_dump_that_a_refresh_would_take_however_old(made: Made) -> None:
    scene, text = made
    taken = put_old(scene, text)
    newer = scene.put(b"damaged")
    done = run(scene, "sanitisers", "check", "--stage", scene.stage)
    assert done.returncode == 0, done.stderr
    assert f"{newer} is newer and was never read back; {taken} is taken" in done.stderr
    assert "too old" not in done.stderr


def put_old(scene: Scene, text: bytes) -> str:
    """Store a dump of the day before yesterday, alone in its stage."""
    scene.stage += "old"
    content, when = scene.encrypt(text), datetime.now(UTC) - timedelta(hours=60)
    name = put_dump(scene.store, scene.store.bucket, scene.stage, when, BytesIO(content))
    note_beside(scene.store, name, content)
    return name


def run(scene: Scene, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [DMREFRESH, "--config", str(scene.settings()), *arguments]
    return subprocess.run(argv, env=scene.environment(), cwd=scene.folder, capture_output=True, text=True, check=False)


def codes(found: dict[str, object]) -> list[int]:
    refusals = found["refusals"]
    assert isinstance(refusals, list)
    return [refusal["exit_code"] for refusal in refusals]
