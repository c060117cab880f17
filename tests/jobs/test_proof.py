"""The proof that every row is held to is one: what it looks for it finds."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from dmrefresh.keys.private import memory_backed_storage
from tests.jobs.scene import Ended, Scene, state_of
from tests.proof import Proof, left_in_folders, left_in_the_server, running

SAID = Ended(
    13, "error: It is damaged.\n\nThe target is as it was: nothing was published.\nhint: `dmrefresh dumps`\n", {}, 0
)


def test_a_process_a_file_a_keyring_a_schema_and_a_session_that_are_left_are_seen(scene: Scene) -> None:
    assert [*running(scene), *left_in_folders(scene), *left_in_the_server(scene.target_url)] == []
    with subprocess.Popen(["sleep", "60"], env=scene.environment()) as child:
        assert running(scene) == ["sleep 60"]
        child.kill()
    (scene.folder / "tmp" / "file").touch()
    keyring = memory_backed_storage() / "dmrefresh-test"
    keyring.mkdir()
    assert left_in_folders(scene) == [str(scene.folder / "tmp" / "file"), str(keyring)]
    keyring.rmdir()
    with psycopg.connect(scene.target_url, application_name="dmrefresh x", autocommit=True) as connection:
        connection.execute("CREATE SCHEMA dmrefresh_next")
        assert sorted(left_in_the_server(scene.target_url)) == ["schema dmrefresh_next", "session dmrefresh x"]


@pytest.mark.parametrize("said", ["canary", "BEGIN PGP PRIVATE KEY", "{passphrase}", "{secret_key}"])
def test_what_is_secret_or_personal_in_an_output_is_seen(scene: Scene, proof: Proof, said: str) -> None:
    proof.says_nothing(scene, SAID.output)
    text = said.format(passphrase=scene.credentials.passphrase, secret_key=scene.store.jobs.secret_key)
    with pytest.raises(AssertionError):
        proof.says_nothing(scene, text)


def test_a_target_that_has_changed_and_another_exit_code_are_seen(scene: Scene, proof: Proof) -> None:
    before = state_of(scene.target_url)
    proof.unchanged(scene, SAID, before, 13, says="is damaged")
    with pytest.raises(AssertionError):
        proof.unchanged(scene, SAID, before, 12)
    with pytest.raises(AssertionError):
        proof.unchanged(scene, SAID, before, 13, says="is whole")
    with pytest.raises(AssertionError):
        proof.renewed(scene, Ended(0, "", {}, 0), before)
    with psycopg.connect(scene.target_url) as connection:
        connection.execute("DELETE FROM audit_events")
    with pytest.raises(AssertionError):
        proof.unchanged(scene, SAID, before, 13)


def test_what_happened_is_noted_for_the_table(scene: Scene, proof: Proof) -> None:
    proof.happened(SAID)
    proof.happened(SAID)
    assert proof.node.user_properties == [("happened", "exit 13: It is damaged.")]


def test_a_failure_that_does_not_say_how_to_go_on_is_seen(proof: Proof) -> None:
    for output in (SAID.output.replace("`dmrefresh dumps`", "wait"), SAID.output.partition("hint")[0]):
        with pytest.raises(AssertionError):
            proof.happened(Ended(13, output, {}, 0))
