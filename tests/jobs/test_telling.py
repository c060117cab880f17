"""A refresh that others are told of ends as it would if nobody were, whatever they do."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import Ended, Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.telling.webhook import HANGS, SECRET, Webhook, nobody, webhook

PLANTED = "hunter2planted"


@pytest.fixture
def scene(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    for name in ("PGPASSWORD", "VCAP_SERVICES", "DMREFRESH_HOOK_TOKEN"):
        monkeypatch.setenv(name, PLANTED)
    monkeypatch.setenv("BUILD_URL", "https://jenkins.example.org/job/refresh/7/")
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)[0]


def tell(scene: Scene, slack: str, more: str = "", sections: str = "") -> None:
    """Settings that have Slack told; others say more of the target, and more sections."""
    hidden = f'url = "postgresql://app:{PLANTED}@db.example.org/app"'
    scene.more = f'{more}\n[targets.other]\n{hidden}\n{sections}\n[notify]\nslack_url = "{slack}"'


def nothing_secret(scene: Scene, ended: Ended, there: Webhook) -> None:
    """Neither what was told nor what was printed has a secret in it, or a value of the data."""
    sent = json.dumps(there.received, ensure_ascii=False)
    age = scene.credentials.age_key_file.read_text().strip().rpartition("\n")[2]
    keys = (scene.credentials.passphrase, age, scene.store.jobs.access_key, scene.store.jobs.secret_key)
    for secret in (SECRET, PLANTED, *keys, scene.target_url, "canary "):
        assert secret not in sent
        assert secret not in ended.output
    for word in ("Traceback", ".py", "postgresql://", "PRIVATE KEY"):
        assert word not in sent


@pytest.mark.parametrize(
    ("answers", "warning"),
    [
        ([200], None),
        ([429], "warning: Slack was not told (HTTP 429)"),
        ([HANGS], "warning: Slack was not told (no answer "),
    ],
    ids=str,
)
@pytest.mark.fault("93")
def test_a_refresh_succeeds_whatever_slack_does(scene: Scene, answers: list[int | str], warning: str | None) -> None:
    with webhook(*answers) as there:
        tell(scene, there.url)
        ended = scene.refresh()
        assert ended.code == 0, ended.output
        nothing_secret(scene, ended, there)
    assert bodies(scene) == {"canary"}
    assert ("Slack was not told" in ended.output) is (warning is not None), ended.output
    assert warning is None or warning in ended.output
    assert "local: started" in there.received[0]["text"]
    assert f"`{ended.report['dump']['name']}`" in there.received[0]["text"]
    assert "local: succeeded* after " in there.received[-1]["text"]
    assert "2,000 rows in 1 tables." in there.received[-1]["text"]
    assert "<https://jenkins.example.org/job/refresh/7/|the build>" in there.received[-1]["text"]


@pytest.mark.fault("L14")
@pytest.mark.parametrize("answer", [200, 500])
@pytest.mark.fault("93")
def test_a_refresh_that_fails_fails_with_its_own_code_whatever_slack_does(scene: Scene, answer: int) -> None:
    Path(scene.ruleset).write_text(Path(scene.ruleset).read_text().replace("      body: keep (as it is)\n", ""))
    before = state_of(scene.target_url)
    with webhook(answer) as there:
        tell(scene, there.url)
        ended = scene.refresh()
    assert ended.code == 14, ended.output
    assert state_of(scene.target_url) == before
    text = there.received[-1]["text"]
    assert "local: failed*" in text
    assert "(exit 14)" in text
    assert "The target is as it was: nothing was published." in text
    assert "note" in text
    assert "*Next:* " in text
    nothing_secret(scene, ended, there)


@pytest.mark.fault("93")
def test_nobody_there_changes_nothing(scene: Scene) -> None:
    tell(scene, nobody())
    ended = scene.refresh()
    assert (ended.code, bodies(scene)) == (0, {"canary"}), ended.output
    assert "warning: Slack was not told (connection refused)" in ended.output


def test_a_dump_that_is_not_there_is_told(scene: Scene) -> None:
    with webhook() as there:
        tell(scene, there.url)
        ended = scene.refresh("--stage", "absent")
    assert ended.code == 10, ended.output
    assert (ended.report["exit_code"], ended.report["attempts"], len(ended.report["tries"])) == (10, 0, 1)
    assert len(there.received) == 1
    assert "(exit 10)" in there.received[0]["text"]


def test_a_hook_that_fails_after_the_refresh_is_told_as_neither_success_nor_failure(scene: Scene) -> None:
    with webhook() as there:
        tell(scene, there.url, 'after = [["false"]]')
        ended = scene.refresh()
    assert (ended.code, bodies(scene)) == (30, {"canary"}), ended.output
    text = there.received[-1]["text"]
    assert "published, but something after it was not done*" in text
    assert "The target is refreshed: the new data is published." in text
    assert "succeeded" not in text
    assert (ended.report["status"], ended.report["exit_code"], ended.report["rows"]) == ("unfinished", 30, 2000)
    assert ended.report["state"] == "The target is refreshed: the new data is published."


@pytest.mark.parametrize("answer", [200, HANGS])
@pytest.mark.fault("93")
def test_a_signal_is_told_once_all_is_cleared_up_and_ends_the_run_as_ever(scene: Scene, answer: int | str) -> None:
    before = state_of(scene.target_url)
    with webhook(answer) as there:
        tell(scene, there.url, 'before = [["sleep", "600"]]')
        child = scene.start()
        wait_for(lambda: bool(there.received))
        with child:
            os.kill(child.pid, signal.SIGTERM)
            ended = scene.ended(child)
        assert ended.code == 143, ended.output
        assert "ended by SIGTERM; rolled back" in ended.output
        assert "It was ended by SIGTERM." in there.received[-1]["text"]
        assert "(exit 143)" in there.received[-1]["text"]
        assert (ended.report["status"], ended.report["exit_code"]) == ("failed", 143)
        assert [one["exit_code"] for one in ended.report["tries"]] == [0, 143]
        assert ("warning: Slack was not told (no answer within 3 s)" in ended.output) is (answer == HANGS)
        nothing_secret(scene, ended, there)
    assert state_of(scene.target_url) == before


def test_a_deadline_is_told(scene: Scene) -> None:
    with webhook() as there:
        tell(scene, there.url, 'before = [["sleep", "600"]]', '[job]\ndeadline = "3 seconds"')
        ended = scene.refresh()
    assert ended.code == 26, ended.output
    assert "(exit 26)" in there.received[-1]["text"]
    assert "deadline of 3 seconds" in there.received[-1]["text"]


def back_up(scene: Scene, source: Cluster, slack: str, *arguments: str, sections: str = "") -> Ended:
    tell(scene, slack, sections=f'[sources.{scene.stage}]\nurl = "{source.url(scene.stage, scene.stage)}"\n{sections}')
    with scene._start("backup-production", "--stage", scene.stage, *arguments) as child:
        return scene.ended(child)


@pytest.mark.parametrize("answer", [200, 429])
@pytest.mark.fault("93")
def test_a_backup_succeeds_whatever_slack_does(
    scene: Scene, cluster_for: Callable[[int], Cluster], answer: int
) -> None:
    with webhook(answer) as there:
        ended = back_up(scene, cluster_for(16), there.url)
        assert ended.code == 0, ended.output
        nothing_secret(scene, ended, there)
    assert ("warning: Slack was not told (HTTP 429)" in ended.output) is (answer == 429)
    assert f"*backup-production of {scene.stage}: started*\n`{ended.report['name']}`" in there.received[0]["text"]
    assert f"*backup-production of {scene.stage}: succeeded* after " in there.received[-1]["text"]
    assert "2,000 rows in 1 tables" in there.received[-1]["text"]
    assert "read back from there" in there.received[-1]["text"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [((), 31, "stored, but not read back"), (("--accept-unverified",), 0, "it was not read back")],
)
def test_a_backup_that_nobody_reads_back_is_told_as_that(
    scene: Scene, cluster_for: Callable[[int], Cluster], arguments: tuple[str, ...], code: int, words: str
) -> None:
    with webhook() as there:
        ended = back_up(scene, cluster_for(16), there.url, *arguments, sections='[backup]\nverify = "no"')
    assert ended.code == code, ended.output
    assert words in there.received[-1]["text"]
    assert ("succeeded" in there.received[-1]["text"]) is (code == 0)


def test_a_backup_that_fails_is_told_with_what_to_do(scene: Scene, cluster_for: Callable[[int], Cluster]) -> None:
    with webhook() as there:
        ended = back_up(scene, cluster_for(16), there.url, sections='[backup]\nrecipient = "nobody"')
    assert ended.code == 12, ended.output
    said = {name: ended.report[name] for name in ("status", "exit_code", "job", "stage", "attempts", "version")}
    about = {"job": "backup-production", "stage": scene.stage, "attempts": 0, "version": 1}
    assert said == {"status": "failed", "exit_code": 12, **about}
    assert ended.report["what"] in there.received[-1]["text"]
    assert "(exit 12)" in there.received[-1]["text"]
    assert "*Next:* " in there.received[-1]["text"]
    assert "publish" not in there.received[-1]["text"]
    nothing_secret(scene, ended, there)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
