"""The program that is measured: dmrefresh as it is installed beside this interpreter, and its files."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import Program

# The shell becomes the program: what is measured is the program alone.
_INTO = 'read=$1 written=$2; shift 2; exec "$@" < "$read" > "$written"'


def dmrefresh() -> str:
    """The path of the command."""
    return str(Path(sysconfig.get_path("scripts")) / "dmrefresh")


def between(
    name: str, argv: Sequence[str], variables: Mapping[str, str], *, read: Path, written: Path = Path("/dev/null")
) -> Program:
    """A program between two files: it reads one on standard input, and writes the other on standard output.

    Args:
        name: what it is called in messages and figures.
        argv: the program and its arguments.
        variables: its whole environment, with a PATH.
        read: the file that it reads.
        written: the file that it writes, by default nothing.
    """
    command = ["/bin/sh", "-c", _INTO, name, str(read), str(written), *argv]
    return Program(name, command, variables, quiet=False)
