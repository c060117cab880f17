"""What the commands about rulesets look at: a dump in the bucket, one in a file, or a database as pg_dump sees it."""

from __future__ import annotations

import contextlib
import sys
from codecs import BOM_UTF8
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from dmrefresh.dump.events import Event
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.limits import MIB, Limits
from dmrefresh.errors import DumpDamaged, DumpRefused, UsageFailure
from dmrefresh.jobs.dumps.choosing import chosen
from dmrefresh.jobs.dumps.taking import introduce
from dmrefresh.jobs.limits import limits_of
from dmrefresh.jobs.targets.naming import target_of
from dmrefresh.keys.private import private_keyring
from dmrefresh.machine import process
from dmrefresh.machine.folders import expanded
from dmrefresh.machine.postgres_programs import find_pg_dump
from dmrefresh.observer import Observer
from dmrefresh.postgres.reach import connect, conninfo, server_names
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.postgres.reach.session_facts import major
from dmrefresh.settings.model import Settings
from dmrefresh.settings.targets import Located, Target
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import gunzip, unpacked
from dmrefresh.stages.pg_dump import pg_dump
from dmrefresh.stages.s3 import fetch

_ARMOUR = b"-----BEGIN PGP MESSAGE-----"
_STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Given:
    """What is looked at: exactly one of a file and a database, or the dump of a name, or the newest.

    Attributes:
        settings: where the bucket, the keys and the targets are.
        dump: an object's name; None for the newest of `stage`.
        stage: whose dumps to take, instead of the one in the settings.
        file: a dump on this machine, plain, gzipped or encrypted; `-` is standard input.
        database: the name of a target or of a source, or the URL of a database.
    """

    settings: Settings
    dump: str | None = None
    stage: str | None = None
    file: Path | None = None
    database: str | None = None

    def __post_init__(self) -> None:
        """Raises UsageFailure where more than one thing is given."""
        if sum(one is not None for one in (self.dump or self.stage, self.file, self.database)) > 1:
            raise UsageFailure("A dump, a file and a database exclude each other.", hint="give one of them")

    @property
    def limits(self) -> Limits:
        """How much of a dump may be held in memory."""
        return limits_of(self.settings)


def events(given: Given, observer: Observer, *, rows: bool) -> contextlib.AbstractContextManager[Iterator[Event]]:
    """Everything that is in it, as the events of a dump.

    Args:
        given: what is looked at.
        observer: is told which dump it is.
        rows: whether the rows of a database are wanted; without them none of it is read.

    Raises:
        Failure: it cannot be reached, opened or read; also where it turns out at its end not to be whole.
    """
    if given.database is not None:
        return _of_database(given, given.database, observer, rows=rows)
    if given.file is not None:
        return _of_blocks(given, _file(given.file))
    found = chosen(given.settings, given.dump, given.stage)  # what a refresh would take; nothing is refreshed here
    introduce(found.dump, observer, found.passed_over)
    return _of_blocks(given, fetch(found.store, found.dump), signed=given.settings.dumps.signed)


@contextmanager
def _of_blocks(given: Given, blocks: Iterable[bytes], *, signed: bool = False) -> Iterator[Iterator[Event]]:
    """What is in a dump; a file of somebody's own need not be signed."""
    source = iter(blocks)
    first = next(source, b"")
    if not first:
        raise DumpDamaged("The dump is empty.")
    both = chain((first,), source)
    if not _is_encrypted(first):
        yield read_dump(unpacked(both), limits=given.limits)
        return
    try:
        with (
            private_keyring(given.settings.keys.files()) as keyring,
            closing(decrypt(both, keyring, signed=signed)) as plain,
        ):
            yield _verified(plain, given.limits)
    finally:
        process.kill_all()


def _verified(plain: Generator[bytes], limits: Limits) -> Iterator[Event]:
    try:
        yield from read_dump(gunzip(plain), limits=limits)
    except (DumpDamaged, DumpRefused):
        # Damage may look like anything by the time it is text; gpg's verdict, which comes last, goes first.
        for _ in plain:
            pass
        raise


def _is_encrypted(first: bytes) -> bool:
    """An OpenPGP packet begins with a byte whose highest bit is set (RFC 9580, 4.2); SQL and gzip do not."""
    return first.startswith(_ARMOUR) or (first[0] >= 0x80 and not first.startswith(BOM_UTF8))


def _file(path: Path) -> Iterator[bytes]:
    try:
        with contextlib.ExitStack() as stack:
            stream = sys.stdin.buffer if path == _STDIN else stack.enter_context(expanded(path).open("rb"))
            while block := stream.read(MIB):
                yield block
    except OSError as error:
        raise UsageFailure(f"{path} cannot be read: {error.strerror}.") from None


@contextmanager
def _of_database(given: Given, name: str, observer: Observer, *, rows: bool) -> Iterator[Iterator[Event]]:
    target = _database(given.settings, name)
    if isinstance(target, Target) and target.s3 is not None:
        raise UsageFailure(f"The target `{name}` is a bucket.", hint="give the name or the URL of a database")
    with reached(target, name, observer) as there:
        with connect.session(there.url, "dmrefresh sanitisers") as connection:
            program = find_pg_dump(major(connection), given.settings.programs.pg_dump)
            how = conninfo.used(connection)
        options = [] if rows else ["--schema-only"]
        what = "all" if rows else "the definitions"
        observer.note(f"{program.path.name} reads {what} of {server_names.shown(there.url)}")
        try:
            yield read_dump(pg_dump(program.path, how, options), limits=given.limits)
        finally:
            process.kill_all()


def _database(settings: Settings, name: str) -> Located:
    """The target of this name or URL, or the source, where no target is called so."""
    if name in settings.sources and name not in settings.targets:
        return settings.sources[name]
    return target_of(settings, name)
