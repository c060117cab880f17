"""What heals by itself, and what is said of what does not; each run is the real command's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from mypy_boto3_s3 import S3Client

from fixtures.parts.dumping import put_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, make_credentials
from tests.answers import anything, get
from tests.faults.swapping import restart
from tests.front import Front
from tests.jobs.scene import Scene, note_beside
from tests.jobs.small import bodies, small_scene
from tests.proof import Proof
from tests.proxy import Proxy


@pytest.fixture
def front(object_store: ObjectStore) -> Iterator[Front]:
    with Front(object_store) as running:
        yield running


@pytest.fixture
def made(
    front: Front,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> tuple[Scene, bytes]:
    """A scene whose bucket is reached through the front, and the text of its dump; no dump is stored yet."""
    scene, text = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    scene.endpoint_url = front.url
    scene.stage = f"s{uuid4().hex[:12]}"
    return scene, text


def put(scene: Scene, ciphertext: bytes, *, days_ago: float = 0.1, read_back: bool = False) -> str:
    """Store a dump that was taken so long ago; returns its name."""
    when = datetime.now(UTC) - timedelta(days=days_ago)
    name = put_dump(scene.store, scene.store.bucket, scene.stage, when, BytesIO(ciphertext))
    if read_back:
        note_beside(scene.store, name, ciphertext)
    return name


def flipped(ciphertext: bytes, part: float = 0.7) -> bytes:
    changed = bytearray(ciphertext)
    changed[int(len(changed) * part)] ^= 1
    return bytes(changed)


@pytest.mark.fault("2")
def test_a_download_that_is_damaged_once_is_fetched_again(
    made: tuple[Scene, bytes], front: Front, proof: Proof
) -> None:
    scene, text = made
    name = put(scene, scene.encrypt(text))
    front.script(get().flip(20_000))
    ended = proof.published(
        scene, says=r"attempt 1 of 3 failed after [\d.]+ s: \S+ is damaged: its bytes do not fit the checksum"
    )
    assert bodies(scene) == {"canary"}
    tries = ended.report["tries"]
    assert [(one["number"], one["doing"], one["dump"], one["exit_code"]) for one in tries] == [
        (1, "find", None, 0),
        (1, "refresh", name, 13),
        (2, "refresh", name, 0),
    ]
    assert "damaged" in tries[1]["what"]
    assert (ended.report["attempts"], ended.report["status"], ended.report["damaged"]) == (2, "succeeded", [])
    assert "in 2 attempts" in ended.output


def test_a_bucket_that_cannot_be_asked_at_first_is_asked_again(
    made: tuple[Scene, bytes], front: Front, proof: Proof
) -> None:
    scene, text = made
    put(scene, scene.encrypt(text))
    front.script(*anything().status(503, "SlowDown").times(6))
    ended = proof.published(scene, says="attempt 1 of 3 failed after")
    assert [(one["doing"], one["exit_code"]) for one in ended.report["tries"]] == [
        ("find", 20),
        ("find", 0),
        ("refresh", 0),
    ]
    assert ended.report["attempts"] == 1


@pytest.mark.fault("R1")
def test_what_comes_damaged_twice_in_the_same_form_is_not_asked_for_again(
    made: tuple[Scene, bytes], front: Front, proof: Proof
) -> None:
    scene, text = made
    name = put(scene, flipped(scene.encrypt(text)))
    ended = proof.refused(scene, 13, says="received twice with the same SHA-256, so the object itself is damaged")
    assert len(front.gets()) == 2
    assert [one["exit_code"] for one in ended.report["tries"]] == [0, 13, 13]
    assert (ended.report["status"], ended.report["exit_code"], ended.report["attempts"]) == ("failed", 13, 2)
    assert "the object itself is damaged" in ended.report["what"]
    assert "--fall-back" in ended.report["hint"]
    assert ended.report["state"].startswith("The target is as it was")
    assert name in {one["dump"] for one in ended.report["tries"]}


@pytest.mark.fault("R1")
def test_what_comes_damaged_just_as_it_was_stored_is_asked_for_once(
    made: tuple[Scene, bytes], front: Front, proof: Proof
) -> None:
    scene, text = made
    put(scene, flipped(scene.encrypt(text)), read_back=True)
    proof.refused(scene, 13, says="It has come as it was stored, so the object itself is damaged")
    assert len(front.gets()) == 1


@pytest.mark.slow
@pytest.mark.fault("R2")
def test_damage_that_is_another_each_time_is_the_ways_and_goes_on_being_tried(
    made: tuple[Scene, bytes], front: Front, proof: Proof
) -> None:
    scene, text = made
    older = put(scene, scene.encrypt(text), days_ago=1, read_back=True)
    name = put(scene, scene.encrypt(text), read_back=True)
    front.script(get().flip(20_000), get().flip(30_000), get().flip(40_000))
    ended = proof.refused(scene, 13, "--fall-back", says="another SHA-256 each time, so it is the way")
    assert [one["dump"] for one in ended.report["tries"] if one["exit_code"] == 13] == [name] * 3
    assert older not in ended.output  # which would fare no better
    front.script(get().flip(20_000), get().flip(30_000))
    assert proof.published(scene).report["attempts"] == 3


@pytest.mark.fault("R3")
def test_the_newest_older_dump_that_is_whole_is_taken_where_that_is_wanted(
    made: tuple[Scene, bytes], proof: Proof
) -> None:
    scene, text = made
    whole = scene.encrypt(text)
    damaged = [put(scene, flipped(whole, part), days_ago=days) for part, days in ((0.3, 0.1), (0.8, 4.1))]
    taken = put(scene, whole, days_ago=5.5)
    put(scene, whole, days_ago=6.5)
    ended = proof.published(scene, "--fall-back", says=f"warning: {taken} is 5 days old, and more than 2 days is too")
    assert bodies(scene) == {"canary"}
    said = f"{taken}, which is 5 days old, was taken instead of what is newer and damaged: {', '.join(damaged)}."
    assert said in ended.output
    assert (ended.report["dump"]["name"], ended.report["damaged"], ended.report["fell_back"]) == (taken, damaged, said)
    assert [one["number"] for one in ended.report["tries"] if one["doing"] == "refresh"] == [1, 2, 3, 4, 5]
    assert ended.report["attempts"] == 5


@pytest.mark.slow
@pytest.mark.fault("R3")
def test_where_no_older_dump_is_whole_the_damage_of_the_newest_is_told(made: tuple[Scene, bytes], proof: Proof) -> None:
    scene, text = made
    scene.more = "\n[job]\nattempts = 1"
    whole = scene.encrypt(text)
    put(scene, flipped(whole))
    proof.refused(scene, 13, "--fall-back", says="There is no older dump")
    put(scene, flipped(whole), days_ago=0.5)
    proof.refused(scene, 13, "--fall-back", says=r"An older one was tried and is damaged too\.")
    for day in range(1, 8):
        put(scene, flipped(whole), days_ago=day)
    ended = proof.refused(scene, 13, "--fall-back", says="5 older were tried and are damaged too")
    assert len(ended.report["tries"]) == 7  # to find one, the newest, and five others


@pytest.mark.fault("R3")
def test_no_older_dump_hides_that_somebody_has_put_another_object_in_the_place_of_one_that_was_read_back(
    made: tuple[Scene, bytes], proof: Proof
) -> None:
    scene, text = made
    whole = scene.encrypt(text)
    put(scene, whole, days_ago=1, read_back=True)
    name = f"{scene.stage}-{datetime.now(UTC):%Y%m%d%H%M}.sql.gz.gpg"
    client, digest = scene.store.client(scene.store.admin), hashlib.sha256(whole).hexdigest()
    client.put_object(Bucket=scene.store.bucket, Key=name, Body=whole, Metadata={"sha256": digest})
    note_beside(scene.store, name, whole, sha256="0" * 64)
    ended = proof.refused(scene, 13, "--fall-back", says=f"{name} is not the object that was read back")
    assert "look at who wrote it" in ended.report["hint"]


def test_a_dump_that_somebody_names_is_that_dump(made: tuple[Scene, bytes], proof: Proof) -> None:
    scene, text = made
    name = put(scene, flipped(scene.encrypt(text)))
    assert "--fall-back" in proof.refused(scene, 2, "--fall-back", "--dump", name).output
    assert "--fall-back" not in proof.refused(scene, 13, "--dump", name).output


class Patient(Scene):
    """A scene that waits long before a second attempt."""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"DMREFRESH_JOB_FIRST_WAIT": "10 minutes"}


@pytest.mark.fault("R4")
def test_a_wait_that_the_deadline_would_cut_short_is_not_begun(made: tuple[Scene, bytes], proof: Proof) -> None:
    scene = Patient(**vars(made[0]))
    put(scene, flipped(scene.encrypt(made[1])))
    scene.more = '\n[job]\ndeadline = "2 minutes"'
    ended = proof.refused(scene, 13, "--fall-back", says="The deadline leaves no time for another attempt")
    assert [one["exit_code"] for one in ended.report["tries"]] == [0, 13]


@pytest.mark.slow
@pytest.mark.fault("R5")
def test_a_flipped_download_five_cuts_and_a_server_that_restarts_heal_in_one_run(
    front: Front,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    proof: Proof,
) -> None:
    with Cluster(18) as own, Proxy(own.port) as proxy:
        scene, _ = small_scene(cluster_for(16), own, object_store, credentials, tmp_path)
        scene.target_url = f"postgresql://{scene.stage}@127.0.0.1:{proxy.port}/{scene.stage}"
        scene.endpoint_url = front.url
        cuts = [get(range_from=start).send(8_000).cut() for start in range(0, 40_000, 8_000)]
        front.script(get().flip(20_000), *cuts)
        restarted: list[int] = []

        def asked(number: int, offset: int, block: bytes) -> bytes:
            if offset + len(block) > 60_000 and not restarted:  # in the middle of the rows, and nowhere else
                restarted.append(number)
                restart(own, proxy, "fast")
            return block

        proxy.question = asked
        ended = proof.published(scene)
        assert bodies(scene) == {"canary"}
    assert (front.left, len(restarted)) == ([], 1)
    assert [one["exit_code"] for one in ended.report["tries"]] == [0, 13, 21, 0]
    assert "in 3 attempts" in ended.output


def another_key(scene: Scene, text: bytes, folder: Path) -> int:
    other = make_credentials(folder, bits=2048)
    put(scene, scene.encrypt(text, recipient=other.public_key))
    return 12


def unlisted_column(scene: Scene, text: bytes, folder: Path) -> int:
    put(scene, scene.encrypt(text))
    Path(scene.ruleset).write_text(Path(scene.ruleset).read_text().replace("      body: keep (as it is)\n", ""))
    return 14


def refused_statement(scene: Scene, text: bytes, folder: Path) -> int:
    put(scene, scene.encrypt(text.replace(b"CREATE TABLE", b"ALTER SYSTEM SET work_mem = '1GB';\nCREATE TABLE", 1)))
    return 17


def failing_hook(scene: Scene, text: bytes, folder: Path) -> int:
    put(scene, scene.encrypt(text))
    scene.more = 'before = [["false"]]'
    return 15


@pytest.mark.fault("R6")
@pytest.mark.parametrize("make", [another_key, unlisted_column, refused_statement, failing_hook])
def test_what_does_not_heal_is_tried_once_and_no_older_dump_is_taken_for_it(
    made: tuple[Scene, bytes], proof: Proof, tmp_path: Path, make: Callable[[Scene, bytes, Path], int]
) -> None:
    scene, text = made
    put(scene, scene.encrypt(text), days_ago=1)
    (tmp_path / "other").mkdir()
    code = make(scene, text, tmp_path / "other")
    ended = proof.refused(scene, code, "--fall-back")
    assert "attempt 1" not in ended.output
    assert [one["exit_code"] for one in ended.report["tries"]] == [0, code]
    assert (ended.report["status"], ended.report["exit_code"], ended.report["attempts"]) == ("failed", code, 1)


@pytest.fixture
def unversioned(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> tuple[S3Client, str]:
    """A bucket that keeps no versions, which the settings name; and whoever may do all with it."""
    client, bucket = object_store.client(object_store.admin), f"digitalmarketplace-cleaned-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    monkeypatch.setenv("DMREFRESH_DUMPS_BUCKET", bucket)
    return client, bucket


@pytest.mark.fault("60")
@pytest.mark.parametrize("by_name", [False, True], ids=["the newest", "by its name"])
def test_an_object_that_is_replaced_while_it_is_read_is_looked_up_again(
    made: tuple[Scene, bytes], front: Front, proof: Proof, unversioned: tuple[S3Client, str], by_name: bool
) -> None:
    (scene, text), (client, bucket) = made, unversioned
    first, second = scene.encrypt(text), scene.encrypt(text.replace(b"canary", b"another"))
    name = put_dump(scene.store, bucket, scene.stage, datetime.now(UTC), BytesIO(first))
    replace = get().send(20_000).do(lambda: client.put_object(Bucket=bucket, Key=name, Body=second)).cut()
    front.script(replace, get(range_from=20_000))
    ended = proof.published(scene, *(("--dump", name) if by_name else ()))
    assert bodies(scene) == {"another"}
    assert [one["exit_code"] for one in ended.report["tries"]] == [0, 20, 0]
    assert len(front.gets()) == 3
    assert front.gets()[2].if_match != front.gets()[0].if_match


@pytest.mark.fault("60")
def test_where_an_object_is_deleted_while_it_is_read_the_one_before_it_is_taken_unless_it_was_named(
    made: tuple[Scene, bytes], front: Front, proof: Proof, unversioned: tuple[S3Client, str]
) -> None:
    (scene, text), (client, bucket) = made, unversioned
    ciphertext, now = scene.encrypt(text), datetime.now(UTC)
    before = put_dump(scene.store, bucket, scene.stage, now - timedelta(hours=1), BytesIO(ciphertext))
    name = put_dump(scene.store, bucket, scene.stage, now, BytesIO(ciphertext))
    delete = get().send(20_000).do(lambda: client.delete_object(Bucket=bucket, Key=name)).cut()
    front.script(delete, get(range_from=20_000))
    ended = proof.refused(scene, 10, "--dump", name)
    assert [one["exit_code"] for one in ended.report["tries"]] == [0, 10, 10]
    client.put_object(Bucket=bucket, Key=name, Body=ciphertext)
    front.script(delete, get(range_from=20_000))
    ended = proof.published(scene)
    assert (ended.report["dump"]["name"], ended.report["attempts"]) == (before, 2)
