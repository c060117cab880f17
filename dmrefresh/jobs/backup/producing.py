"""The producing half of a backup: a database in, the ciphertext of its dump out, and nothing in between on a disk.

    encrypt(compress(note + counted(pg_dump(source)) + rows))

An exception anywhere travels to whoever stores it, and what was stored by then never becomes an object.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial

from dmrefresh.dump.counting import counted
from dmrefresh.dump.counts import Counts
from dmrefresh.dump.note import write_note, write_rows
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import BackupNotStored, DumpDamaged, DumpRefused, TargetUnfit, TargetUnreachable
from dmrefresh.keys.private import Keyring
from dmrefresh.keys.public import public_keyring
from dmrefresh.machine import process
from dmrefresh.machine.apart import meanwhile
from dmrefresh.machine.postgres_programs import Program, find_pg_dump
from dmrefresh.machine.postgres_programs import programs as programs_called
from dmrefresh.observer import Observer
from dmrefresh.postgres import exported as exporting
from dmrefresh.postgres.exported import LEFT_OUT, Exported
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.settings.model import Programs
from dmrefresh.settings.targets import Located
from dmrefresh.stages.encrypt import encrypt
from dmrefresh.stages.gzip import compress
from dmrefresh.stages.pg_dump import pg_dump
from dmrefresh.stopwatch import Stopwatch

__all__ = ["database_size", "produced"]

_OPTIONS = ("--no-owner", "--no-acl", "--clean", "--if-exists", *LEFT_OUT)


class Unreadable(BackupNotStored):
    """pg_dump wrote what our own reader does not take; it would do so again."""


@contextmanager
def produced(
    source: Located,
    stage: str,
    name: str,
    armoured_key: bytes,
    recipient: str,
    counts: Counts,
    observer: Observer,
    stopwatch: Stopwatch,
    *,
    programs: Programs,
    level: int,
    threads: int,
    signer: Keyring | None = None,
    limits: Limits | None = None,
) -> Iterator[Iterator[bytes]]:
    """The ciphertext of a backup, as it is made; it may be believed once it has ended without an exception.

    Args:
        source: where the database is.
        stage: what the settings call it.
        name: the object's name to be, which the note in the dump says.
        armoured_key: the public key.
        recipient: whose key it must be: a name, an address or a fingerprint.
        counts: is filled as the rows go by, and whole at the end.
        observer: is told about steps.
        stopwatch: is charged the seconds of each stage.
        programs: of the settings; they may name the pg_dump.
        level: how hard gzip tries, 0 to 3.
        threads: how many compress.
        signer: the keyring whose private key signs it.
        limits: how much of the dump may be held in memory.

    Raises:
        KeyUnusable: the public key is not to be used.
        TargetUnreachable: the database does not answer.
        RightsMissing: its role may not read all of it.
        UsageFailure: there is no pg_dump for it.
        BackupNotStored: what was made is no whole dump; the message says at which stage it ended.
    """
    counts.clear()
    with (
        meanwhile(partial(programs_called, "pg_dump", programs.pg_dump), "dmrefresh-programs") as there_are,
        public_keyring(armoured_key, recipient) as to,
        reached(source, stage, observer) as there,
        exporting.exported(there.url, name) as database,
    ):
        program = find_pg_dump(database.major, programs.pg_dump, there_are.result())
        observer.note(
            f"{program.path.name} {program.major} reads {database.note.database} on PostgreSQL "
            f"{database.note.server_version}, as it is now"
        )
        text = _text(database, program, counts, stopwatch, limits)
        packed = stopwatch.timed("gzip", compress(text, level=level, threads=threads))
        sealed = stopwatch.timed("gpg", encrypt(packed, to, signer=signer))
        with closing(sealed):
            try:
                yield _telling(sealed)
            finally:
                # Whoever waits for what pg_dump writes would wait long: it goes first.
                process.kill_all()


def database_size(source: Located, stage: str, observer: Observer | None = None) -> int:
    """How large a database is on its server's disk, in bytes; its dump is another size, mostly a smaller one.

    Args:
        source: where it is.
        stage: what the settings call it.
        observer: is told when a tunnel is open.

    Raises:
        TargetUnreachable: it does not answer.
    """
    with reached(source, stage, observer) as there:
        return exporting.size(there.url)


def _text(
    database: Exported, program: Program, counts: Counts, stopwatch: Stopwatch, limits: Limits | None
) -> Iterator[bytes]:
    """The dump with its note and its rows; the last are known once all else has gone by."""
    # A client_encoding that the role or the database is set to may have no room for what is stored.
    options = [*_OPTIONS, f"--encoding={database.encoding}", f"--snapshot={database.snapshot}"]
    dumped = stopwatch.timed("pg_dump", pg_dump(program.path, database.login, options))
    readable = _readable(counted(dumped, counts, limits=limits), standby=database.standby)
    yield write_note(database.note)
    with closing(stopwatch.timed("read", readable)) as blocks:
        yield from blocks
    yield write_rows(counts.tables)


def _readable(blocks: Iterator[bytes], *, standby: bool) -> Iterator[bytes]:
    """Say of what our own reader does not take that it is this which ends the backup, and not pg_dump."""
    try:
        yield from blocks
    except DumpDamaged as failure:
        raise BackupNotStored(
            f"pg_dump ended well, and what it wrote is not whole: {failure.what}", retry=True
        ) from None
    except DumpRefused as failure:
        hint = "pg_dump by hand still makes a backup, which a refresh could not read either"
        hint = f"{failure.hint or 'please report this'} ({hint})"
        if standby:
            hint = "the source is a standby, which has no rows of unlogged tables: back up the primary"
        raise Unreadable(f"pg_dump wrote what dmrefresh cannot read back: {failure.what}", hint=hint) from None


def _telling(blocks: Generator[bytes]) -> Iterator[bytes]:
    """What ends a stage ends the backup; a program that was ended may do better when all begins again."""
    try:
        yield from blocks
    except (TargetUnfit, TargetUnreachable) as failure:  # pg_dump's
        raise BackupNotStored(failure.what, hint=failure.hint, retry=True) from None
    except Unreadable:
        raise
    except BackupNotStored as failure:
        failure.retry = True
        raise
