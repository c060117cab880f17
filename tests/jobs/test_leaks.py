"""What a rule replaces in one place and another place keeps: never published, never before the server's eyes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dmrefresh.dump.writer import BROKEN_OFF
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from sanitisers.pools import Pools
from tests.jobs.scene import DMREFRESH, Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.jobs.test_verify_first import write_all

ROW = b"\n1999\tcanary "


@pytest.fixture(scope="module")
def watched() -> Iterator[Cluster]:
    """A cluster that logs everything and compresses nothing, so that its files can be searched."""
    plain = {"wal_compression": "off", "wal_level": "replica"}
    with Cluster(18, settings=plain, log_everything=True) as cluster:
        yield cluster


@pytest.fixture
def made(
    watched: Cluster,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> tuple[Scene, bytes]:
    return small_scene(cluster_for(16), watched, object_store, credentials, tmp_path)


def leaking(scene: Scene, text: bytes) -> tuple[bytes, bytes]:
    """The dump with somebody in a note whose rule replaces them in the details of an earlier one; and who it is."""
    canary = f"jo.{scene.stage}@suppliers.co.uk".encode()
    assert text.count(ROW) == 1
    text = text.replace(b'{"name": "Jo"}', b'{"name": "%b"}' % canary.upper(), 1)
    return text.replace(ROW, ROW + b"call or write to <%b>: " % canary), canary


@pytest.mark.fault("105")
def test_an_original_in_a_kept_column_is_not_published_and_with_verify_first_never_reaches_the_server(
    made: tuple[Scene, bytes], watched: Cluster
) -> None:
    scene, text = made
    spoiled, canary = leaking(scene, text)
    scene.put(scene.encrypt(spoiled))
    before = state_of(scene.target_url)
    for verify_first in ("true", "false"):
        scene.more = f"verify_first = {verify_first}"
        ended = scene.refresh()
        assert ended.code == 14, ended.output
        assert "note.body: 1 e-mail address of note.details.name, once" in ended.output
        assert '"note.body": keep (say why)' in ended.output
        assert canary.decode() not in ended.output.lower()
        assert "attempt 2" not in ended.output
        assert state_of(scene.target_url) == before
        write_all(watched)
        if verify_first == "true":
            assert find(watched.data_directory, [canary]) == []  # pg_wal included
        else:
            # Rolled back, and in the write-ahead log all the same; a page of it may end within the address.
            assert find(watched.data_directory, [canary[:16], canary[16:]]) != []
        assert find(watched.log_file, [canary]) == []


def test_a_ruleset_can_say_that_it_is_meant_or_that_nothing_is_looked_for(made: tuple[Scene, bytes]) -> None:
    scene, text = made
    spoiled, _ = leaking(scene, text)
    scene.put(scene.encrypt(spoiled))
    rules = Path(scene.ruleset)
    plain = rules.read_text()
    rules.write_text(f"{plain}leaks:\n  note.body: keep (the help desk)\n  note.gone: keep (nothing)\n")
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert "small.yaml:11: leaks.note.gone: nothing of the dump is there" in " ".join(ended.output.split())
    assert ended.report["leak_check"] == {"originals": 1, "kept": 0, "one_in": 1, "by_chance": 0}
    rules.write_text(f"{plain}leak_check: off (this is a test)\n")
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert "what is kept is not searched for what is replaced (this is a test)" in ended.output
    assert ended.report["leak_check"] is None
    assert bodies(scene) == {"canary"}


@pytest.mark.fault("106")
def test_placeholders_and_what_coincides_with_fakers_pools_are_no_false_alarm(made: tuple[Scene, bytes]) -> None:
    scene, text = made
    names = Pools("en_GB").form("person.name").parts[0].entries  # type: ignore[union-attr]
    head, _, rest = text.partition(b'{"name": "Jo"}\n')
    same = [
        *names[:200],
        "TBC",
        "n/a",
        "-",
        "To be confirmed",
        "NOT APPLICABLE",
        "000000000",
        "123456789",
        "0123456789",
    ]
    many = ["Ask at the front desk", "office@suppliers.co.uk", "020 7946 0018"] * 60
    rows = "".join(f'{5000 + n}\t{one}\t{{"name": "{one}"}}\n' for n, one in enumerate([*same, *many]))
    scene.put(scene.encrypt(head + b'{"name": "Jo"}\n' + rows.encode() + rest))
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert ended.report["rows"] == 2000 + len(same) + len(many)
    assert ended.report["leak_check"]["originals"] > 200
    assert ended.report["leak_check"]["kept"] > 200


def test_the_filters_output_ends_so_that_no_server_takes_it(made: tuple[Scene, bytes]) -> None:
    scene, text = made
    spoiled, canary = leaking(scene, text)
    argv = [DMREFRESH, "sanitise", "--ruleset", scene.ruleset]
    done = subprocess.run(argv, input=spoiled, cwd=scene.folder, capture_output=True, check=False)
    assert done.returncode == 14, done.stderr
    assert done.stdout.endswith(BROKEN_OFF)
    assert b"note.body: 1 e-mail address of note.details.name, once" in done.stderr
    assert canary not in done.stderr
