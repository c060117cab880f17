"""How the strategy `database` gets at what other schemas of the target hold: by a pg_dump of this machine."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from dmrefresh.machine.postgres_programs import find_pg_dump
from dmrefresh.postgres.errand import DumpOthers
from dmrefresh.settings.model import Programs
from dmrefresh.stages.pg_dump import pg_dump


def dump_others(programs: Programs) -> DumpOthers:
    """What `publish` is given to dump a part of the target with.

    Args:
        programs: of the settings; they may name the pg_dump.
    """

    def dump(major: int, connection: Mapping[str, str], options: Sequence[str]) -> Generator[bytes]:
        return _blocks(find_pg_dump(major, programs.pg_dump).path, connection, options)

    return dump


def _blocks(program: Path, connection: Mapping[str, str], options: Sequence[str]) -> Generator[bytes]:
    yield from pg_dump(program, connection, options)
