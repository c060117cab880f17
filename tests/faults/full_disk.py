"""Refreshes targets whose disks are too small, and says what came of it: python -m tests.faults.full_disk

It mounts small file systems, so it wants a mount namespace of its own, with which they go; see `command`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from dmrefresh.errors import Failure
from dmrefresh.postgres.strategies.publish import StrategyName
from fixtures.parts.postgres import Cluster
from fixtures.parts.processes import run_as
from tests.faults.swapping import DATA, Target
from tests.postgres.databases import Database, dump_of

MIB = 1 << 20
ROWS = {"odd": 301, "even": 15_000}
"""In `even`, some 15 MB of rows, and an index over most of them."""
SIZES = {"data": 16 * MIB, "temp": 4 * MIB, "wal": 32 * MIB}
"""Of the disk in question: room for two empty databases, for a fourth of a sort, and for two files of the log."""
ROOM = 400 * MIB
_RANDOM = "UPDATE person SET more = (SELECT string_agg(md5(id || '/' || j), '') FROM generate_series(1, 30) j)"
"""What cannot be compressed; a sort needs as much room as there is of it."""
CASES: list[tuple[str, StrategyName]] = [(d, s) for d in SIZES for s in ("schema", "database")]

_LIBC = ctypes.CDLL(None, use_errno=True)
_MS_REMOUNT, _MNT_DETACH = 32, 2


@dataclass
class Told:
    """What came of a refresh.

    Attributes:
        disk, strategy: which disk was full, and how it was refreshed.
        failure: what the refresh failed with, its class and all that it says.
        exit_code, retry: of the failure.
        panicked: whether that brought the server down.
        holds, left: what the target held afterwards, and what lay about, before the next run.
        same: whether it still had its very relations.
        then: what it held after the next run, with room made.
        then_left: what lay about after that.
    """

    disk: str
    strategy: str
    failure: str
    exit_code: int
    retry: bool
    panicked: bool
    holds: str
    left: list[str]
    same: bool
    then: str
    then_left: list[str]


def command() -> list[str]:
    """How to start this file.

    Returns: the words; empty where this account may make no mount namespace.
    """
    ours = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    words = ["unshare", *ours, "--mount"]
    with contextlib.suppress(OSError):
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return [*words, sys.executable, "-m", "tests.faults.full_disk"]
    return []


def mount(path: Path, size: int, *, again: bool = False, owner: os.stat_result) -> None:
    """Mount a file system in memory of so many bytes, or change the size of one that is mounted."""
    options = f"size={size}" + ("" if again else f",mode=0700,uid={owner.st_uid},gid={owner.st_gid}")
    if _LIBC.mount(b"tmpfs", bytes(path), b"tmpfs", _MS_REMOUNT if again else 0, options.encode()):
        raise OSError(ctypes.get_errno(), "mount", str(path))


@contextlib.contextmanager
def small_disk(cluster: Cluster, name: str, size: int) -> Iterator[Path]:
    """A small file system below the cluster's directory, which belongs to whoever runs the server."""
    path = cluster.directory / name
    path.mkdir()
    mount(path, size, owner=cluster.data_directory.stat())
    try:
        yield path
    finally:
        _LIBC.umount2(bytes(path), _MNT_DETACH)


def make_target(cluster: Cluster, strategy: StrategyName, dumps: dict[str, bytes], disk: Path, kind: str) -> Target:
    """A target that has one of its disks there."""
    name = f"{kind}_{strategy}"
    in_it = f"TABLESPACE {name}" if kind == "data" else ""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        if kind != "wal":
            connection.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'".encode())
            connection.execute(f"GRANT CREATE ON TABLESPACE {name} TO {name}".encode())
        if kind == "temp":
            connection.execute(f"ALTER ROLE {name} SET temp_tablespaces = {name}".encode())
        connection.execute(f"CREATE DATABASE {name} OWNER {name} {in_it}".encode())
    return Target(Database(cluster, name), strategy, dumps, rows=ROWS)


def keep_log_on(cluster: Cluster, disk: Path) -> None:
    """Move the server's write-ahead log to another disk."""
    cluster.stop()
    log = cluster.data_directory / "pg_wal"
    moved = run_as(cluster.account, ["cp", "-a", log, disk / "pg_wal"])
    assert moved.returncode == 0, moved.stderr
    shutil.rmtree(log)
    log.symlink_to(disk / "pg_wal")
    cluster.start()


def tell(cluster: Cluster, target: Target, disk: Path, kind: str) -> Told:
    """Refresh it, see what came of it, make room, and refresh it again."""
    before = target.relations()
    failure, panicked = Failure("it did not fail"), False
    try:
        target.refresh("even")
    except Failure as caught:
        failure = caught
    if kind == "wal":  # which ends the server, sooner or later: whoever makes room starts it again
        panicked = "PANIC" in cluster.log_file.read_text(errors="replace")
        cluster.stop("immediate")
        mount(disk, ROOM, again=True, owner=disk.stat())
        cluster.start()
    holds, left, same = target.holds(), target.left(), target.relations() == before
    mount(disk, ROOM, again=True, owner=disk.stat())
    target.refresh_after("even")
    return Told(
        kind,
        target.strategy,
        f"{type(failure).__name__}: {failure.what} {failure.hint} {failure.state}",
        failure.exit_code,
        failure.retry,
        panicked,
        holds,
        left,
        same,
        target.holds(),
        target.left(),
    )


def main() -> None:
    """Say all of it as JSON."""
    told = []
    with Cluster(18, settings={"maintenance_work_mem": "1MB"}) as cluster, tempfile.TemporaryDirectory() as folder:
        cluster.create_role_and_database("source", "source")
        source = Database(cluster, "source")
        source.run(DATA.format("even", ROWS["even"]), _RANDOM, "CREATE INDEX sorted ON person (more, id)")
        dumps = {"even": dump_of(source, Path(folder))}
        with contextlib.ExitStack() as disks:  # the server writes to each of them up to its end
            for kind, strategy in CASES:
                if kind != "wal":
                    disk = disks.enter_context(small_disk(cluster, f"{kind}-{strategy}", SIZES[kind]))
                    told.append(tell(cluster, make_target(cluster, strategy, dumps, disk, kind), disk, kind))
            cluster.stop()
    for kind, strategy in CASES:
        if kind == "wal":
            with Cluster(18) as cluster, small_disk(cluster, "wal", SIZES[kind]) as disk:
                target = make_target(cluster, strategy, dumps, disk, kind)
                keep_log_on(cluster, disk)
                told.append(tell(cluster, target, disk, kind))
    json.dump([asdict(one) for one in told], sys.stdout)


if __name__ == "__main__":
    main()
