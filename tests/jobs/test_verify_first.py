"""With verify_first, what would stop a refresh behind the rows stops it before the server has seen one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from tests.jobs.scene import Scene, state_of
from tests.jobs.small import bodies, small_scene, tunnelled

MARKER = b"--\n-- PostgreSQL database dump complete"

LATE = {
    "a refused statement": (17, MARKER, b"ALTER SYSTEM SET fsync = off;\n\n" + MARKER),
    "a personal literal": (14, MARKER, b"COMMENT ON TABLE public.note IS 'jo.bloggs@suppliers.co.uk';\n\n" + MARKER),
    "a row that its rule cannot take": (14, b"\n\\.\n", b'\n9999\tx\t{"name": \n\\.\n'),
    "a table that comes too late": (17, MARKER, b"CREATE TABLE public.late (id integer);\n\n" + MARKER),
    "bytes that are no text": (17, MARKER, b"COMMENT ON TABLE public.note IS '\xff';\n\n" + MARKER),
}
"""By what is wrong: the exit code, what in the dump is replaced, and by what."""


@pytest.fixture(scope="module")
def watched() -> Iterator[Cluster]:
    """A cluster that logs everything and compresses nothing, so that its files can be searched."""
    plain = {"wal_compression": "off", "wal_level": "replica"}
    with Cluster(18, settings=plain, log_everything=True) as cluster:
        yield cluster


def write_all(cluster: Cluster) -> None:
    """Let the server write the whole of its write-ahead log; a checkpoint would also remove what is old of it."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")


@pytest.fixture
def made(
    watched: Cluster,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> tuple[Scene, bytes]:
    return small_scene(cluster_for(16), watched, object_store, credentials, tmp_path)


@pytest.mark.fault("L4")
@pytest.mark.parametrize("what", LATE)
def test_a_late_failure_is_never_in_the_servers_log_or_files_and_without_verify_first_rolls_back(
    made: tuple[Scene, bytes], watched: Cluster, what: str
) -> None:
    scene, text = made
    code, sound, unsound = LATE[what]
    assert text.count(sound) == 1
    canary = b"canary " + scene.stage.encode()  # which no other test's server has seen
    spoiled = text.replace(sound, unsound).replace(b"canary ", canary)
    scene.put(scene.encrypt(spoiled))
    before = state_of(scene.target_url)

    scene.more = "verify_first = true"
    ended = scene.refresh()
    assert ended.code == code, ended.output
    assert "verify_first" in ended.output
    assert "attempt 2" not in ended.output
    assert "transaction is open" not in ended.output
    assert state_of(scene.target_url) == before
    write_all(watched)
    assert find(watched.data_directory, [canary]) == []
    assert find(watched.log_file, [canary]) == []

    scene.more = "verify_first = false"
    ended = scene.refresh()
    assert ended.code == code, ended.output
    assert "verify_first" not in ended.output
    assert state_of(scene.target_url) == before
    if what != "a row that its rule cannot take":  # which is in the first block here, before any other row goes
        write_all(watched)
        assert find(watched.data_directory, [canary]) != []  # rolled back, and in the write-ahead log all the same


def test_it_is_on_for_a_remote_target_off_for_a_local_one_and_can_be_set(made: tuple[Scene, bytes]) -> None:
    scene, _ = made
    said = {}
    for name, more in {
        "local": "",
        "remote": tunnelled(scene.folder),
        "remote without": tunnelled(scene.folder) + "\nverify_first = false",
    }.items():
        scene.more = more
        ended = scene.refresh("--confirm", "local")
        assert ended.code == 0, ended.output
        said[name] = "verify_first" in ended.output
    assert said == {"local": False, "remote": True, "remote without": False}
    assert bodies(scene) == {"canary"}


def test_both_passes_make_the_same_fakes_and_a_warning_is_said_once(made: tuple[Scene, bytes]) -> None:
    scene, text = made
    scene.put(scene.encrypt(text), read_back=True)
    scene.more = "verify_first = true"
    rules = Path(scene.ruleset)
    rules.write_text(rules.read_text() + "  gone:\n    columns:\n      name: person.name\n")
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert ended.output.count("warning: ") == ended.output.count("gone") == 1
    (table,) = ended.report["tables"]
    assert (table["rows_in"], table["rows_out"]) == (2000, 2000)  # counted in one pass, not in both


def test_damage_is_told_from_what_the_text_of_it_looks_like(made: tuple[Scene, bytes]) -> None:
    scene, text = made
    scene.more = "verify_first = true"
    _, sound, unsound = LATE["a refused statement"]
    spoiled = bytearray(scene.encrypt(text.replace(sound, unsound)))
    spoiled[-10] ^= 1  # gpg's verdict comes last of all
    scene.put(bytes(spoiled))
    ended = scene.refresh()
    assert ended.code == 13, ended.output
    assert "attempt 2" in ended.output
