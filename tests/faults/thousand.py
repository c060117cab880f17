"""Refreshes from a dump with one bit flipped, or cut short, a thousand times each: python -m tests.faults.thousand

The real job on real parts: only the command line and a second attempt are left out. Nothing is noted of the dump's
SHA-256, so that GnuPG and what comes after it have to find all of it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import psutil

from dmrefresh.errors import Failure
from dmrefresh.jobs.refresh import clean_and_apply
from dmrefresh.jobs.refresh.encrypted import Encrypted
from dmrefresh.machine import signals
from dmrefresh.machine.folders import private_folder
from dmrefresh.postgres.receipt import SCHEMA
from dmrefresh.settings.model import load
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import REGION, ObjectStore
from fixtures.parts.secrets import Credentials, make_credentials
from tests.jobs.scene import state_of
from tests.jobs.small import small_scene
from tests.proof import left_in_the_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RIGHT, OTHER, CRASH = "published, byte for byte the right data", "published, other data", "a crash"
DAMAGED = "exit 13, the target as it was"


@dataclass(frozen=True)
class Fault:
    """What is done to the encrypted object: the bit of this number flipped, or all from this byte on cut off."""

    kind: str
    at: int

    def done_to(self, whole: bytes) -> bytes:
        """The object with the fault."""
        if self.kind == "cut":
            return whole[: self.at]
        changed = bytearray(whole)
        changed[self.at // 8] ^= 1 << self.at % 8
        return bytes(changed)


@dataclass(frozen=True)
class Told:
    """What came of a fault: the outcome, what was said, and what was left that should not be."""

    fault: Fault
    outcome: str
    said: str
    left: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Place:
    """All that a process needs which refreshes a target of its own.

    Attributes:
        settings: the file.
        target_url: of the target.
        endpoint_url, bucket, name: of the object; each damaged one is stored as a new version of it.
        whole: the object as it should be.
        right: what the target holds once that is published.
        pg_dump: the program.
        environment: what is set of the environment.
    """

    settings: Path
    target_url: str
    endpoint_url: str
    bucket: str
    name: str
    whole: bytes
    right: bytes
    pg_dump: str
    environment: dict[str, str]


def faults(seed: int, size: int, flips: int, cuts: int) -> list[Fault]:
    """As many of each as are asked for, anywhere in an object of so many bytes; of which at least one is left."""
    chance = random.Random(seed)
    made = [Fault("flip", chance.randrange(size * 8)) for _ in range(flips)]
    return made + [Fault("cut", chance.randrange(1, size)) for _ in range(cuts)]


@contextmanager
def places(count: int, folder: Path) -> Iterator[list[Place]]:
    """Targets of one server, a bucket and a key, for so many processes."""
    with ExitStack() as stack:
        clusters = stack.enter_context(Cluster(16)), stack.enter_context(Cluster(18))
        store = stack.enter_context(ObjectStore())
        credentials = make_credentials(folder, bits=2048)
        made = [place(*clusters, store, credentials, folder / "0")]
        for number in range(1, count):
            made.append(place(*clusters, store, credentials, folder / str(number), made[0].whole))
        for one in made:
            stack.callback(shutil.rmtree, one.environment["XDG_RUNTIME_DIR"], ignore_errors=True)
        yield made


def place(
    production: Cluster,
    target: Cluster,
    store: ObjectStore,
    credentials: Credentials,
    folder: Path,
    whole: bytes | None = None,
) -> Place:
    """A target of a name of its own, which holds what the whole dump brings: this one, or one that is made."""
    folder.mkdir()
    scene, text = small_scene(production, target, store, credentials, folder)
    scene.more = "[job]\nattempts = 1\n"
    whole = whole or scene.encrypt(text)
    memory = tempfile.mkdtemp(prefix="dmr-", dir="/dev/shm")
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    environment = scene.environment() | {"HOME": str(folder), "XDG_RUNTIME_DIR": memory, "PATH": path}
    made = Place(
        settings=scene.settings(),
        target_url=scene.target_url,
        endpoint_url=store.endpoint_url,
        bucket=store.bucket,
        name=scene.put(whole),
        whole=whole,
        right=b"",
        pg_dump=str(target.bin("pg_dump")),
        environment=environment,
    )
    with _in_environment(environment):
        refresh(made)
    return replace(made, right=_dumped(made))


@contextmanager
def _in_environment(wanted: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(wanted)
    tempfile.tempdir = None  # so that TMPDIR is read again
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        tempfile.tempdir = None


def refresh(place: Place) -> None:
    """The job, once; with one key for the fakes, so that what is right is the same each time."""
    signals.install()
    plan = clean_and_apply.prepare(load(place.settings), "local", dump=place.name)
    assert isinstance(plan.found.source, Encrypted)
    source = replace(plan.found.source, sanitiser_key=bytes(32))
    try:
        clean_and_apply.run(replace(plan, found=replace(plan.found, source=source)))
    finally:
        signals.install()  # from what is published on they are ignored, for the rest of a run


def tried(place: Place, fault: Fault) -> Told:
    """Store the object with the fault, refresh from it, and look at what came of it."""
    _client(place).put_object(Bucket=place.bucket, Key=place.name, Body=fault.done_to(place.whole))
    before = state_of(place.target_url)
    try:
        refresh(place)
    except Failure as failure:
        outcome, said = f"exit {failure.exit_code}", failure.what
    except signals.Interrupted:
        raise
    except BaseException as error:
        outcome, said = CRASH, repr(error)
    else:
        outcome, said = "", ""
    after = state_of(place.target_url)
    if not outcome:
        outcome = RIGHT if _dumped(place) == place.right else OTHER
    elif outcome != CRASH:
        outcome += ", the target as it was" if after == before else ", and the target is another"
    return Told(fault, outcome, said.replace(place.name, "the object"), tuple(_left(place)))


@cache
def _client(place: Place) -> S3Client:
    return boto3.client("s3", endpoint_url=place.endpoint_url, region_name=REGION)


def _dumped(place: Place) -> bytes:
    """All that the target holds, as text; without the receipts, and the word that pg_dump makes up each time."""
    argv = [place.pg_dump, f"--exclude-schema={SCHEMA}", place.target_url]
    done = subprocess.run(argv, capture_output=True, check=True)
    made_up = (b"\\restrict", b"\\unrestrict")
    return b"\n".join(line for line in done.stdout.split(b"\n") if not line.startswith(made_up))


def _left(place: Place) -> Iterator[str]:
    """Children, keyrings, files and what is in the server that a run should have taken with it."""
    yield from (child.name() for child in psutil.Process().children(recursive=True))
    for folder in ("XDG_RUNTIME_DIR", "TMPDIR"):
        yield from (str(path) for path in Path(place.environment[folder]).iterdir())
    yield from left_in_the_server(place.target_url)


_mine: list[Place] = []
"""This process's own."""


def _begin(given: Any) -> None:
    _mine.append(given.get(timeout=60))
    os.environ.update(_mine[0].environment)
    mock.patch("dmrefresh.keys.private.private_folder", _with_a_quick_agent).start()


@contextmanager
def _with_a_quick_agent(*place: Any) -> Iterator[Path]:
    """A keyring's folder, in which the agent need not find out how slow it can be: that takes longer than all else."""
    with private_folder(*place) as folder:
        (folder / "gpg-agent.conf").write_text("s2k-count 65536\n")
        yield folder


def _one(fault: Fault) -> Told:
    return tried(_mine[0], fault)


def run(seed: int, flips: int, cuts: int, workers: int, folder: Path) -> list[Told]:
    """Try them all; one that ends a process ends this with an exception."""
    processes = multiprocessing.get_context("spawn")
    with places(workers, folder) as made:
        given = processes.Queue()
        for one in made:
            given.put(one)
        wanted = faults(seed, len(made[0].whole), flips, cuts)
        with ProcessPoolExecutor(workers, processes, _begin, (given,)) as pool:
            return list(_watched(pool.map(_one, wanted), len(wanted)))


def _watched(told: Iterable[Told], count: int) -> Iterator[Told]:
    for number, one in enumerate(told, 1):
        if one.outcome not in (RIGHT, DAMAGED) or one.left:
            _say(str(one))
        if number % 100 == 0:
            _say(f"{number} of {count}")
        yield one


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def table(told: Sequence[Told]) -> str:
    """How many there are of each outcome, and of each sentence."""
    counted = Counter((one.outcome, one.said, one.fault.kind) for one in told)
    outcomes = [RIGHT, OTHER, DAMAGED, CRASH]
    outcomes += sorted({one.outcome for one in told} - {*outcomes})
    lines = [f"{'':58} {'flips':>6} {'cuts':>6}"]
    for outcome in outcomes:
        for said in ["", *sorted({one.said for one in told if one.outcome == outcome and one.said})]:
            sums = [
                sum(n for (o, s, k), n in counted.items() if (o, k) == (outcome, kind) and said in ("", s))
                for kind in ("flip", "cut")
            ]
            lines.append(f"{'  ' + said if said else outcome:58.58} {sums[0]:6} {sums[1]:6}")
    left = [sum(bool(one.left) for one in told if one.fault.kind == kind) for kind in ("flip", "cut")]
    return "\n".join([*lines, f"{'something left behind':58} {left[0]:6} {left[1]:6}"])


def fine(told: Sequence[Told]) -> bool:
    """Whether each either brought the right data or was told as damage, and nothing was left."""
    return all(one.outcome in (RIGHT, DAMAGED) and not one.left for one in told)


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    _say(f"seed {asked.seed}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dmr-thousand-") as folder:
        told = run(asked.seed, asked.flips, asked.cuts, asked.workers, Path(folder))
    _say(table(told))
    _say(f"{len(told)} refreshes, {time.monotonic() - began:.0f} seconds")
    return 0 if fine(told) else 1


if __name__ == "__main__":
    sys.exit(main())
