"""Reads a dump that is made as it goes, and says how much memory that took: python -m tests.faults.reading 42c"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

from dmrefresh.dump.events import End, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.limits import MIB
from tests.dump.writing import BEGINNING, ENDING, PREAMBLE, USERS

ROW = 256 * MIB
TABLES = 20_000


def one_long_row() -> Iterator[bytes]:
    """A dump of one row of 256 MiB."""
    yield BEGINNING + PREAMBLE + USERS + b"COPY public.users (id, email) FROM stdin;\n1\t"
    block = b"x" * MIB
    for _ in range(ROW // MIB):
        yield block
    yield b"\n\\.\n" + ENDING


def many_tables() -> Iterator[bytes]:
    """A dump of 20,000 tables with a row each."""
    yield BEGINNING + PREAMBLE
    for number in range(TABLES):
        yield b"CREATE TABLE public.t%d (\n    id integer NOT NULL,\n    name text\n);\n\n" % number
    for number in range(TABLES):
        yield b"COPY public.t%d (id, name) FROM stdin;\n%d\tname\n\\.\n\n" % (number, number)
    for number in range(TABLES):
        yield b"ALTER TABLE ONLY public.t%d\n    ADD CONSTRAINT t%d_pkey PRIMARY KEY (id);\n\n" % (number, number)
    yield ENDING


DUMPS = {"42c": one_long_row, "43a": many_tables}


def main() -> None:
    """Print the rows and the size of the dump, and by how much memory grew, in bytes."""
    before = peak()
    rows = 0
    last = None
    for last in read_dump(DUMPS[sys.argv[1]]()):
        rows += last.count if isinstance(last, TableData) else 0
    assert isinstance(last, End)
    assert last.rows == rows
    sys.stdout.write(f"{rows} {last.size} {peak() - before}\n")


def peak() -> int:
    """The most memory that this process had at once, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
