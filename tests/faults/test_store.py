"""The store of a refresh, or the way to it, fails: it heals by itself, or says what is wrong and touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.answers import Answer, Request, anything, get, head
from tests.front import Front
from tests.jobs.scene import Scene
from tests.jobs.small import small_scene
from tests.proof import Proof


@dataclass
class Stage:
    """A scene whose store stands behind a front."""

    scene: Scene
    front: Front
    ciphertext: bytes

    @property
    def size(self) -> int:
        return len(self.ciphertext)


@pytest.fixture(scope="module")
def _stage(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("store")
    scene, text = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, folder)
    ciphertext = scene.encrypt(text)
    scene.put(ciphertext)
    with Front(object_store) as front:
        scene.endpoint_url = front.url
        yield Stage(scene, front, ciphertext)


@pytest.fixture
def stage(_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The same dump and target for all; a few seconds of silence are as good as a broken connection."""
    monkeypatch.setenv("DMREFRESH_DUMPS_SILENCE", "3 seconds")
    _stage.front.forget()
    return _stage


def ranges(stage: Stage) -> list[int]:
    return [request.range_from for request in stage.front.gets()]


@pytest.mark.fault("57a", "57c")
def test_a_store_that_cannot_now_and_then_can(stage: Stage, proof: Proof) -> None:
    listing = anything().status(500, "InternalError")
    stage.front.script(listing, listing, head().status(503, "x"), *get().status(503, "SlowDown").times(2))
    stage.front.script(get().status(500, "InternalError"))
    ended = proof.published(stage.scene)
    assert not stage.front.left
    assert ended.report["attempts"] == 1
    assert ranges(stage) == [0, 0, 0, 0]


@pytest.mark.fault("57b")
def test_a_store_that_can_never_is_given_up(stage: Stage, proof: Proof) -> None:
    stage.front.always(get().status(503, "SlowDown"))
    proof.refused(stage.scene, 20, says=r"cannot serve .* now \(SlowDown\)")


@pytest.mark.fault("58a", "59a")
def test_a_way_that_breaks_in_every_manner_one_after_the_other(
    stage: Stage, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DMREFRESH_DUMPS_SILENCE", "2 seconds")
    step = stage.size // 8
    stage.front.script(
        get().send(step).cut(),
        get(range_from=step).send(step).cut(),
        get().send(step).stall(),
        get().send(step).dribble(0.02),
        get().stall(),
        get().send(0).cut(),
        get().send(step).reset(),
    )
    ended = proof.published(stage.scene)
    assert not stage.front.left
    assert ended.report["attempts"] == 1
    asked = stage.front.gets()
    assert len(asked) == 8
    assert len({(request.if_match, request.version) for request in asked}) == 1
    assert ranges(stage) == sorted(ranges(stage))


@pytest.mark.slow
@pytest.mark.fault("59b")
def test_a_store_that_falls_silent_for_ever(stage: Stage, proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DMREFRESH_JOB_ATTEMPTS", "1")
    monkeypatch.setenv("DMREFRESH_DUMPS_SILENCE", "2 seconds")
    at = stage.size // 2

    def told(request: Request) -> Answer | None:
        return (
            (get().send(at).cut() if request.range_from == 0 else get().send(0).stall())
            if get().fits(request)
            else None
        )

    stage.front.always(told)
    proof.refused(stage.scene, 20, says=f"stands still at byte {at} of {stage.size}")


@pytest.mark.fault("61a")
def test_a_dump_that_is_deleted_while_it_is_read(stage: Stage, proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    client, bucket = stage.scene.store.client(stage.scene.store.admin), stage.scene.store.bucket
    monkeypatch.setattr(stage.scene, "stage", f"{stage.scene.stage}-gone")
    key = stage.scene.put(stage.ciphertext)
    version = client.head_object(Bucket=bucket, Key=key)["VersionId"]
    half = get().send(stage.size // 2)
    stage.front.script(half.do(lambda: client.delete_object(Bucket=bucket, Key=key, VersionId=version)).cut())
    proof.refused(stage.scene, 10, says=r"deleted since it was found|There is no dump of")


@pytest.mark.fault("62a")
def test_a_store_that_sends_the_whole_again_for_the_rest(stage: Stage, proof: Proof) -> None:
    half = stage.size // 2
    stage.front.script(get().send(half).cut(), get(range_from=half).whole())
    ended = proof.published(stage.scene, says="did not resume")
    assert ended.report["attempts"] == 2
    assert ranges(stage) == [0, half, 0]


@pytest.mark.fault("63a")
def test_a_changed_byte_that_no_digest_speaks_of(stage: Stage, proof: Proof) -> None:
    client, bucket = stage.scene.store.client(stage.scene.store.admin), stage.scene.store.bucket

    def told(request: Request) -> Answer | None:
        if not get().fits(request):
            return None
        answer = get().flip(stage.size // 2)
        for kind in ("sha256", "sha1", "crc32"):
            answer = answer.header(f"x-amz-checksum-{kind}", "")
        return answer

    found = client.list_objects_v2(Bucket=bucket, Prefix=stage.scene.stage)["Contents"]
    assert not any("sha256" in client.head_object(Bucket=bucket, Key=one["Key"])["Metadata"] for one in found)
    stage.front.always(told)
    proof.refused(stage.scene, 13)


@pytest.mark.fault("64b")
def test_a_stage_with_empty_dumps_alone(stage: Stage, proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.scene, "stage", f"{stage.scene.stage}-empty")
    stage.scene.put(b"")
    stage.scene.put(b"")
    proof.refused(stage.scene, 10, says="There is no dump of .*-empty")


@pytest.mark.fault("65a")
def test_credentials_that_expire_in_the_middle_of_the_download(stage: Stage, proof: Proof) -> None:
    stage.front.script(get().send(stage.size // 2).cut())
    stage.front.always(get().status(400, "ExpiredToken"))
    ended = proof.refused(stage.scene, 20, says="credentials for .* have expired.*log in again")
    assert "attempt 2" not in ended.output
    assert ranges(stage) == [0, stage.size // 2]


@pytest.mark.fault("66a")
def test_a_bucket_of_another_region(stage: Stage, proof: Proof) -> None:
    elsewhere = anything().status(301, "PermanentRedirect").header("x-amz-bucket-region", "eu-west-2")
    stage.front.always(elsewhere)
    ended = proof.refused(stage.scene, 20, says="in another region.*eu-west-2")
    assert "attempt 2" not in ended.output
