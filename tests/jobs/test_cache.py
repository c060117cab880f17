"""A copy on this machine spares the download, is never stale, and is believed once every byte was compared."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from dmrefresh.bucket.cache import KEPT, Cache, CacheUnusable, Copy, folder_of_this_machine
from dmrefresh.bucket.store import Store
from dmrefresh.errors import SourceUnreachable
from dmrefresh.jobs.refresh.cached import fetched
from dmrefresh.observer import Observer
from fixtures.parts.dumping import put_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.front import Front, get, head
from tests.jobs.scene import DMREFRESH, Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.jobs.test_cleaned import made_team
from tests.proof import Proof

NOTHING_FETCHED = "nothing is fetched: a copy on this machine is this very object"
KEPT_NOW = "a copy is kept on this machine"


@dataclass
class Laptop:
    """A scene whose runs keep copies, the front of its bucket, and the folder of copies."""

    scene: Scene
    text: bytes
    front: Front
    folder: Path

    def names(self) -> list[str]:
        """Of which dumps there are copies."""
        return [copy.key for copy in Cache(self.folder).copies()]

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def gets(self) -> int:
        """How often the dump was asked for since the last call."""
        count = len(self.front.gets())
        self.front.requests.clear()
        return count

    def object(self) -> Path:
        """The bytes of the one copy."""
        (path,) = self.folder.glob("*/object")
        return path


@pytest.fixture
def laptop(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Laptop]:
    scene, text = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DMREFRESH_DUMPS_CACHE", "true")
    with Front(object_store) as front:
        scene.endpoint_url = front.url
        yield Laptop(scene, text, front, tmp_path / "cache" / "dmrefresh" / "dumps")


@pytest.fixture
def with_copy(laptop: Laptop, proof: Proof) -> Laptop:
    """The same after a refresh, with a copy of the newest dump."""
    proof.published(laptop.scene, says=KEPT_NOW)
    assert laptop.gets() == 1
    return laptop


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DMREFRESH, "cache", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.fault("C1")
def test_a_copy_is_the_object_as_it_is_for_nobody_else_and_spares_the_second_download(
    laptop: Laptop, proof: Proof
) -> None:
    ciphertext = laptop.scene.encrypt(laptop.text)
    name = laptop.scene.put(ciphertext)
    umask = os.umask(0)
    try:
        proof.published(laptop.scene, says=KEPT_NOW)
    finally:
        os.umask(umask)
    assert laptop.gets() == 1
    assert laptop.object().read_bytes() == ciphertext
    assert [path.name for path in laptop.files()] == ["note.json", "object"]
    assert {path.stat().st_mode & 0o777 for path in laptop.files()} == {0o600}
    folders = [laptop.folder, *laptop.folder.parents[:2], *laptop.folder.iterdir()]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert laptop.names() == [name]
    proof.says_nothing(laptop.scene, *(path.read_bytes().decode("latin-1") for path in laptop.files()))

    proof.published(laptop.scene, says=NOTHING_FETCHED)
    assert any(head().fits(request) for request in laptop.front.requests)
    assert laptop.gets() == 0
    assert bodies(laptop.scene) == {"canary"}


@pytest.mark.fault("C2")
def test_a_dump_that_was_stored_again_under_its_name_is_fetched_and_its_old_copy_goes(
    with_copy: Laptop, proof: Proof
) -> None:
    (name,) = with_copy.names()
    changed = with_copy.scene.encrypt(with_copy.text.replace(b"canary ", b"changed "))
    with_copy.front.store.client(with_copy.front.store.admin).put_object(
        Bucket=with_copy.scene.store.bucket, Key=name, Body=changed
    )
    proof.published(with_copy.scene, says=KEPT_NOW)
    assert bodies(with_copy.scene) == {"changed"}
    assert with_copy.gets() == 1
    assert with_copy.object().read_bytes() == changed


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def link(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name("elsewhere")))


SPOILED: dict[str, Callable[[Path], object]] = {
    "a bit of it has flipped": flip,
    "it is cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "it goes on after its end": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "its bytes are gone": lambda path: path.unlink(),
    "its note is gone": lambda path: (path.parent / "note.json").unlink(),
    "its note is cut short": lambda path: os.truncate(path.parent / "note.json", 100),
    "it is a link to elsewhere": link,
}


@pytest.mark.fault("C3")
def test_a_copy_with_a_flipped_bit_is_thrown_away_and_the_dump_fetched_in_the_same_attempt(
    with_copy: Laptop, proof: Proof
) -> None:
    flip(with_copy.object())
    ended = proof.published(
        with_copy.scene, says="copy of .* is damaged. It was thrown away; the dump is fetched again"
    )
    assert ended.report["attempts"] == 1
    assert with_copy.gets() == 1
    assert bodies(with_copy.scene) == {"canary"}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
@pytest.mark.fault("C3")
def test_whatever_has_become_of_a_copy_it_is_not_taken_for_the_dump(
    spoil: Callable[[Path], object], kept: Kept, proof: Proof
) -> None:
    spoil(next(kept.cache.folder.glob("*/object")))
    told: list[str] = []
    with fetched(kept.cache, kept.store, kept.store.named(kept.name), Told(told)) as this:
        assert b"".join(this.blocks()) == kept.content
        this.keep(lambda: [kept.content])
    assert [line.split(": ")[0] for line in told] == ["warning", "note"]
    assert "is damaged. It was thrown away" in told[0]
    assert next(kept.cache.folder.glob("*/object")).read_bytes() == kept.content
    proof.happened("the copy is thrown away, and the dump fetched again")


@pytest.mark.fault("C2")
def test_a_copy_is_not_taken_for_another_version_of_its_object(
    kept: Kept, object_store: ObjectStore, proof: Proof
) -> None:
    newer = kept.content[::-1]
    object_store.client(object_store.admin).put_object(Bucket=kept.store.bucket, Key=kept.name, Body=newer)
    with fetched(kept.cache, kept.store, kept.store.named(kept.name), Observer()) as this:
        assert b"".join(this.blocks()) == newer
        this.keep(lambda: [newer])
    assert next(kept.cache.folder.glob("*/object")).read_bytes() == newer  # and there is no other
    assert len(kept.cache.copies()) == 1
    proof.happened("the newer one is fetched, and the older copy is gone")


@dataclass
class Kept:
    """A bucket, a cache with a copy of an object in it, the object's name and its content."""

    store: Store
    cache: Cache
    name: str
    content: bytes


class Told(Observer):
    """Keeps what it is told."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def note(self, message: str) -> None:
        self.lines.append(f"note: {message}")

    def warn(self, message: str) -> None:
        self.lines.append(f"warning: {message}")


@pytest.fixture
def kept(object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.jobs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.jobs.secret_key)
    content = os.urandom(3 << 20)
    name = put_dump(object_store, object_store.bucket, f"k{os.urandom(6).hex()}", datetime.now(UTC), BytesIO(content))
    store = Store(object_store.bucket, "eu-west-1", object_store.endpoint_url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = Cache(folder_of_this_machine())
    with fetched(cache, store, store.named(name), Observer()) as this:
        for _ in this.blocks():
            pass
        this.keep(lambda: [content])
    assert [copy.key for copy in cache.copies()] == [name]
    return Kept(store, cache, name, content)


@pytest.mark.fault("C4")
def test_a_copy_that_changes_while_it_is_read_ends_the_attempt_and_is_gone_for_the_next(
    kept: Kept, proof: Proof
) -> None:
    file = next(kept.cache.folder.glob("*/object"))
    with fetched(kept.cache, kept.store, kept.store.named(kept.name), Observer()) as this:
        blocks = this.blocks()
        first = next(blocks)
        overwrite(file, len(kept.content) - 1, bytes([kept.content[-1] ^ 1]))
        with pytest.raises(SourceUnreachable, match="changed while it was read") as caught:
            assert first + b"".join(blocks) != kept.content
    assert caught.value.retry
    assert kept.cache.copies() == []
    proof.happened("the attempt fails and is made again, without the copy")


@pytest.mark.fault("C5")
def test_what_is_not_encrypted_is_never_kept(laptop: Laptop, proof: Proof) -> None:
    laptop.scene.put(b"canary, in clear" * 100)
    proof.refused(laptop.scene, 13)
    assert laptop.files() == []


@pytest.mark.fault("C5")
def test_a_damaged_download_is_not_kept_and_the_next_attempt_does_not_read_it(laptop: Laptop, proof: Proof) -> None:
    ciphertext = laptop.scene.encrypt(laptop.text)
    laptop.scene.put(ciphertext)
    laptop.front.script(get().flip(len(ciphertext) // 2).ok())
    ended = proof.published(laptop.scene, says=KEPT_NOW)
    assert ended.report["attempts"] == 2
    assert laptop.gets() == 2
    assert laptop.object().read_bytes() == ciphertext


@pytest.mark.fault("C5")
def test_what_gpg_finds_whole_and_turns_out_to_be_damaged_is_not_kept_and_fetched_twice_before_it_is_blamed(
    laptop: Laptop, proof: Proof
) -> None:
    laptop.scene.put(laptop.scene.encrypt(laptop.text[: len(laptop.text) // 2]))
    proof.refused(laptop.scene, 13, says="received twice with the same SHA-256")
    assert laptop.gets() == 2
    assert laptop.files() == []


def test_a_password_in_the_url_of_the_store_is_not_noted(kept: Kept) -> None:
    assert kept.store.endpoint_url is not None
    there = kept.store.endpoint_url.replace("://", "://somebody:hunter2@")
    told: list[str] = []
    with fetched(kept.cache, Store(kept.store.bucket, "eu-west-1", there), kept.store.named(kept.name), Told(told)):
        assert told == [f"note: {NOTHING_FETCHED}, every byte of it"]
    assert kept.store.endpoint_url in (note := next(kept.cache.folder.glob("*/note.json")).read_text())
    assert "hunter2" not in note


def copy(bucket: str, day: int, *, etag: str = "x") -> Copy:
    taken = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day)
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of b"x"
    return Copy("http://s3", bucket, f"production-{day}", None, etag, 1, digest, taken.isoformat(), taken.isoformat())


@pytest.mark.fault("C6")
def test_the_newest_two_of_each_bucket_are_kept(tmp_path: Path, proof: Proof) -> None:
    cache = Cache(tmp_path / "copies")
    assert cache.add(copy("other", 1), [b"x"])
    added = {day: cache.add(copy("dumps", day), [b"x"]) for day in (3, 5, 2, 4, 6, 1)}
    assert added == {3: True, 5: True, 2: False, 4: True, 6: True, 1: False}
    assert [(one.bucket, one.key) for one in cache.copies()] == [
        ("dumps", "production-6"),
        ("dumps", "production-5"),
        ("other", "production-1"),
    ]
    assert cache.add(copy("dumps", 5, etag="y"), [b"x"])
    assert [one.etag for one in cache.copies() if one.bucket == "dumps"] == ["x", "y"]
    assert len(list(cache.folder.iterdir())) == KEPT + 1
    proof.happened("two are kept")


def test_what_was_to_be_kept_and_is_something_else_is_not(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "copies")
    for blocks in ([b"y"], [], [b"x", b"x"]):
        with pytest.raises(CacheUnusable, match="not what was fetched"):
            cache.add(copy("dumps", 1), blocks)
    assert list(cache.folder.iterdir()) == []


_MOUNTING = """#!/bin/sh
mkdir -p "{folder}"
exec unshare {user} --mount sh -c 'mount -t tmpfs -o {options} none "{folder}" && exec "$@"' sh {dmrefresh} "$@"
"""


def mounted(laptop: Laptop, options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command run where the cache is on a file system of its own, which goes with it."""
    user = "" if os.geteuid() == 0 else "--user --map-root-user"
    if subprocess.run(["unshare", *user.split(), "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("to mount a small disk takes root, or user namespaces that this machine does not give")
    script = laptop.scene.folder / "mounting"
    script.write_text(_MOUNTING.format(user=user, folder=laptop.folder.parent, options=options, dmrefresh=DMREFRESH))
    script.chmod(0o755)
    monkeypatch.setattr("tests.jobs.scene.DMREFRESH", str(script))


DISKS = {
    "full": ("size=64k,mode=700", "no copy is kept on this machine: .* has no room for a copy"),
    "full in the midst of it": ("size=4g,nr_inodes=5,mode=700", "no copy is kept .* cannot be used: No space left"),
    "read only": ("ro,mode=700", "no copy is kept .* cannot be used: Read-only file system"),
}


@pytest.mark.parametrize(("options", "says"), DISKS.values(), ids=DISKS)
@pytest.mark.fault("C7")
def test_a_disk_that_takes_no_copy_does_not_stop_a_refresh(
    options: str, says: str, laptop: Laptop, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(laptop, options, monkeypatch)
    proof.published(laptop.scene, says=says)
    assert laptop.gets() == 1


def stranger(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(folder, 12345, 12345)


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "others may write to it": (lambda folder: folder.chmod(0o770), "Others may write to "),
    "it belongs to somebody else": (stranger, "belongs to somebody else"),
    "it is a file": (no_folder, "cannot be used: Not a directory"),
}


@pytest.mark.parametrize(("spoil", "says"), FOLDERS.values(), ids=FOLDERS)
@pytest.mark.fault("C8")
def test_a_folder_that_others_may_have_filled_is_not_used(
    spoil: Callable[[Path], object], says: str, kept: Kept, proof: Proof
) -> None:
    spoil(kept.cache.folder)
    told: list[str] = []
    with fetched(kept.cache, kept.store, kept.store.named(kept.name), Told(told)) as this:
        assert b"".join(this.blocks()) == kept.content
        this.keep(lambda: [kept.content])
    (line,) = told
    assert line.startswith("warning: no copies on this machine are used: ")
    assert says in line
    proof.happened("the dump is fetched, with a warning")


_WRITES_FOR_EVER = """
import sys, time
from pathlib import Path
from dmrefresh.bucket.cache import Cache
from tests.jobs.test_cache import copy
def blocks():
    yield b"x" * (1 << 20)
    print("writing", flush=True)
    time.sleep(600)
Cache(Path(sys.argv[1])).add(copy("dumps", 9), blocks())
"""


@pytest.mark.fault("C9")
def test_what_a_killed_run_was_writing_is_no_copy_and_goes_with_the_next(tmp_path: Path, proof: Proof) -> None:
    cache = Cache(tmp_path / "copies")
    argv = [sys.executable, "-c", _WRITES_FOR_EVER, str(cache.folder)]
    with subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        assert cache.copies() == []
        assert cache.add(copy("dumps", 1), [b"x"])
        cache.clear()
        (part,) = cache.folder.iterdir()  # what is being written stays while somebody writes it
        child.send_signal(signal.SIGKILL)
    assert part.exists()
    assert cache.add(copy("dumps", 1), [b"x"])
    assert [one.name for one in cache.folder.iterdir()] == [copy("dumps", 1).folder]
    proof.happened("no copy; what was written is removed by the next run")


@pytest.mark.fault("C10")
def test_two_refreshes_at_once_both_succeed_and_leave_one_whole_copy(
    laptop: Laptop, proof: Proof, cluster_for: Callable[[int], Cluster], tmp_path: Path
) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    second, _ = small_scene(cluster_for(16), cluster_for(18), laptop.scene.store, laptop.scene.credentials, folder)
    second.stage, second.endpoint_url = laptop.scene.stage, laptop.front.url
    before = [state_of(scene.target_url) for scene in (laptop.scene, second)]
    with second.start() as child:
        first = laptop.scene.refresh()
        ended = second.ended(child)
    # Both are over by now: what one of them still has is not what the other has left.
    proof.renewed(laptop.scene, first, before[0])
    proof.renewed(second, ended, before[1])
    assert [bodies(second), bodies(laptop.scene)] == [{"canary"}, {"canary"}]
    assert len(laptop.names()) == 1
    assert sorted(path.name for path in laptop.files()) == ["note.json", "object"]
    (copy,) = Cache(laptop.folder).copies()
    assert hashlib.sha256(laptop.object().read_bytes()).hexdigest() == copy.sha256


def test_without_the_setting_nothing_is_kept(laptop: Laptop, proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DMREFRESH_DUMPS_CACHE")
    proof.published(laptop.scene)
    assert not laptop.folder.exists()


@pytest.mark.fault("C11")
def test_a_cleaned_dump_is_kept_once_its_signature_has_held_and_comes_back_without_any_secret(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    proof: Proof,
) -> None:
    team = made_team(cluster_for, object_store, credentials, tmp_path, tmp_path)
    team.developer |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "DMREFRESH_DUMPS_CACHE": "true"}
    cache = Cache(tmp_path / "cache" / "dmrefresh" / "dumps")
    team.put("cleaned-db-dump-202611220300.sql.gz", gzip.compress(team.text))
    code, said = team.refresh()
    assert code == 13, said
    assert cache.copies() == []

    code, said = team.clean()
    assert code == 0, said
    for says in (KEPT_NOW, NOTHING_FETCHED):
        code, said = team.refresh()
        assert (code, says in said) == (0, True), said
    assert bodies(team.scene) == {"canary"}
    (copy,) = cache.copies()
    assert copy.bucket == team.bucket
    proof.happened("a copy of the signed one is kept and used; of the other none")


def test_the_command_lists_the_copies_and_throws_them_away(kept: Kept) -> None:
    done = command()
    assert done.returncode == 0, done.stderr
    header, line, where = done.stdout.splitlines()
    assert header.split() == ["name", "age", "size", "bucket"]
    assert (line.split()[0], line.split()[-1]) == (kept.name, kept.store.bucket)
    assert str(kept.cache.folder) in where
    (listed,) = json.loads(command("--json").stdout)["copies"]
    assert (listed["name"], listed["size"]) == (kept.name, len(kept.content))
    assert command("--clear").stdout.startswith("thrown away: 1 copy, 3.1 MB")
    assert list(kept.cache.folder.iterdir()) == []
    assert command().stdout.startswith("No copies are kept on this machine; `cache = true` under [dumps]")


def test_the_command_says_what_is_wrong_with_the_folder(kept: Kept) -> None:
    kept.cache.folder.chmod(0o777)
    done = command("--clear")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: Others may write to {kept.cache.folder}." in done.stderr
    assert "Nothing was changed." in done.stderr
    assert list(kept.cache.folder.iterdir()) != []
