"""pg_dump: a database in, the plain text of its dump out, and the program's own word that it is whole.

How to get in is told to the program in a file that has no name and lies in memory, since anybody may read arguments
and the environment may be inherited.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dmrefresh.errors import UsageFailure
from dmrefresh.machine import process
from dmrefresh.stages.pg_dump_end import judge_end

_SERVICE = "dmrefresh"
_AT = "change it on the server, and where the settings say it: [sources] or [targets]"
_LINE = 1000
"""Bytes of a line in a service file; libpq refuses longer ones than 1022 (parseServiceFile in fe-connect.c)."""


def pg_dump(program: Path, connection: Mapping[str, str], options: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield the plain dump of a database; it may be believed once the generator has ended without an exception.

    Args:
        program: of the server's major version or newer.
        connection: where the database is and how to get in, by libpq's keywords.
        options: for the program; they hold no secret.

    Raises:
        RightsMissing: the role may not read all of the database.
        TargetUnreachable: the connection was lost.
        TargetUnfit: it did not end well for another reason; what it wrote is no whole dump.
        UsageFailure: it cannot be started.
    """
    database = connection.get("dbname", "the database")
    descriptor = _in_memory(_service_file(connection))

    said = bytearray()

    def judge(status: int) -> None:
        failure = judge_end(database, status, said.decode(errors="replace"))
        if failure is not None:
            raise failure

    try:
        yield from process.filter_through(
            [str(program), f"--dbname=service={_SERVICE}", *options],
            (),
            env={**process.environment(), "PGSERVICEFILE": f"/dev/fd/{descriptor}", "LC_ALL": "C"},
            pass_fds=(descriptor,),
            on_end=judge,
            said=said,
        )
    except OSError as error:
        raise UsageFailure(f"{program} cannot be started: {error.strerror}.") from None
    finally:
        os.close(descriptor)


def _service_file(connection: Mapping[str, str]) -> bytes:
    """A connection service file: https://www.postgresql.org/docs/current/libpq-pgservice.html"""
    lines = [f"[{_SERVICE}]"]
    for keyword, value in connection.items():
        if "\n" in value or value != value.strip():
            raise UsageFailure(
                f"pg_dump cannot be told a {keyword} that begins or ends in a blank, or has lines.", hint=_AT
            )
        lines.append(f"{keyword}={value}")
        if len(lines[-1].encode()) > _LINE:
            raise UsageFailure(
                f"pg_dump cannot be told a {keyword} of more than {_LINE - len(keyword) - 1} bytes.", hint=_AT
            )
    return "\n".join([*lines, ""]).encode()


def _in_memory(text: bytes) -> int:
    """A file without a name, in memory; it is gone once nobody has it open (memfd_create(2))."""
    if sys.platform != "linux":
        raise UsageFailure("pg_dump is only run on Linux, where it can be told a password without a file on a disk.")
    descriptor = os.memfd_create("dmrefresh")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text)
    return descriptor
