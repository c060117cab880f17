"""Five columns of one table, a dump in and a dump out: each tool as its own documentation says, on the same server.

The database that a tool works in is made before the clock starts and looked at after it has stopped. Every dump that
comes out is read: as many rows of every table as went in, and no original in any of the five columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.ground import ROLE, Ground
from bench.measure import Program, Usage, run
from bench.plain_text import Text, text_of
from bench.program import between, dmrefresh
from bench.rounds import Once, Runner
from bench.sides import MismatchError, demand
from bench.tools import Tools
from fixtures.parts.processes import environment

TABLE, KEY = "users", "id"
COLUMNS = ("name", "email_address", "phone_number", "password", "failed_login_count")

PYNONYMIZER, PGANONYMIZE = OTHERS = ("pynonymizer", "pganonymize")
FILE, DATABASE = "sanitise, five columns", "sanitise, five columns, database"

_RULES = Path(__file__).with_name("five_columns")
_HOST = "127.0.0.1"
_NOTHING = (b"", b"\\N")
"""Empty and NULL: there is nothing to replace."""
_ZERO = b"0"
"""What the last of the columns must hold; some rows have had it before."""


@dataclass(frozen=True)
class Anonymised:
    """A way from one dump to another.

    Args:
        ground: what is running.
        dump: plain; it is read.
        original: what it holds.
        programs: given the database's name and the file that is to be written, the steps: of each the programs that
            read from one another.
        database: the name of the database that it works in; None where it needs none.
    """

    ground: Ground
    dump: Path
    original: Text
    programs: Callable[[str, Path], Sequence[Sequence[Program]]]
    database: str | None

    def __call__(self) -> Once:
        """Go it, and look at what came out.

        Raises:
            ClientFailedError: a program failed.
            MismatchError: rows are missing, or originals are left.
        """
        written = self.ground.folder / "anonymised.sql"
        written.unlink(missing_ok=True)
        if self.database is not None:
            self.ground.make_database(self.database)
        try:
            self.ground.settle()
            used = [run(step, folder=self.ground.folder) for step in self.programs(self.database or "", written)]
        finally:
            if self.database is not None:
                self.ground.drop_database(self.database)
        look(self.original, text_of(written, TABLE, KEY, COLUMNS))
        size = written.stat().st_size
        written.unlink()
        return Once.of(together(used), bytes=self.dump.stat().st_size, written=size)


def together(used: Sequence[Usage]) -> Usage:
    """What steps took that came one after the other."""
    memory: dict[str, int] = {}
    for step in used:
        for name, held in step.memory.items():
            memory[name] = max(held, memory.get(name, 0))
    return Usage(
        sum(step.seconds for step in used),
        sum(step.cpu_seconds for step in used),
        max(step.peak_memory for step in used),
        memory,
    )


def look(original: Text, anonymised: Text) -> None:
    """See that all rows are there, and no original.

    Raises:
        MismatchError: some table has more or fewer rows, or some column of some row is what it was.
    """
    demand(anonymised.rows, original.rows)
    if original.values.keys() != anonymised.values.keys():
        raise MismatchError(f"not the rows of {TABLE}, by {KEY}")
    for key, before in original.values.items():
        after = anonymised.values[key]
        same = [
            column
            for column, old, new in zip(COLUMNS[:-1], before, after, strict=False)
            if old == new and old not in _NOTHING
        ]
        if same or after[-1] != _ZERO:
            raise MismatchError(f"{TABLE} still holds an original: {', '.join(same) or COLUMNS[-1]}")


def runners(ground: Ground, dump: Path, tools: Tools) -> dict[str, Runner]:
    """All of them, by name."""
    original = text_of(dump, TABLE, KEY, COLUMNS)
    ways = _Ways(ground, dump, tools)
    made: Mapping[str, tuple[str, Callable[[str, Path], Sequence[Sequence[Program]]], str | None]] = {
        PYNONYMIZER: (
            "pynonymizer from --start-at RESTORE_DB to --stop-at DUMP_DB, in an empty database: psql, 150 rows of "
            "seed, one UPDATE, pg_dump; it fills empty telephone numbers too",
            ways.pynonymizer,
            "five_pynonymizer",
        ),
        PGANONYMIZE: (
            "psql into an empty database, then pganonymize --dump-file with a plain dump; addresses by its md5, the "
            "quicker of its two ways",
            ways.pganonymize,
            "five_pganonymize",
        ),
        FILE: ("dmrefresh sanitise, from file to file; no database", ways.filter, None),
        DATABASE: (
            "dmrefresh sanitise | psql -1 into an empty database, then pg_dump: a database and a dump, as of the "
            "others",
            ways.database,
            "five_dmrefresh",
        ),
    }
    return {
        name: Runner(f"{what}; five columns of {TABLE}", Anonymised(ground, dump, original, programs, database))
        for name, (what, programs, database) in made.items()
    }


@dataclass(frozen=True)
class _Ways:
    """The programs of each way."""

    ground: Ground
    dump: Path
    tools: Tools

    def pynonymizer(self, database: str, written: Path) -> list[list[Program]]:
        login = [
            "--db-host",
            _HOST,
            "--db-port",
            str(self.ground.cluster.port),
            "--db-user",
            ROLE,
            "--db-name",
            database,
        ]
        command = [self.tools.program("pynonymizer"), "--db-type", "postgres", *login]
        command += ["--input", str(self.dump), "--strategy", str(_RULES / "pynonymizer.yaml"), "--output", str(written)]
        return [[self._program("pynonymizer", [*command, "--start-at", "RESTORE_DB", "--stop-at", "DUMP_DB"])]]

    def pganonymize(self, database: str, written: Path) -> list[list[Program]]:
        login = ["--host", _HOST, "--port", str(self.ground.cluster.port), "--user", ROLE, "--dbname", database]
        command = [self.tools.program("pganonymize"), "--schema", str(_RULES / "pganonymize.yaml"), *login]
        command += ["--dump-file", str(written), "--dump-options=--format plain"]
        # Not --parallel: a pool of processes for each 2,000 rows makes it slower.
        restore = [*self._psql(database), "-f", str(self.dump)]
        return [[self._program("psql", restore)], [self._program("pganonymize", command)]]

    def filter(self, _: str, written: Path) -> list[list[Program]]:
        return [[between("dmrefresh", self._sanitise(), self.ground.variables(), read=self.dump, written=written)]]

    def database(self, database: str, written: Path) -> list[list[Program]]:
        sanitise = between(
            "dmrefresh", self._sanitise(), self.ground.variables(), read=self.dump, written=Path("/dev/fd/1")
        )
        pg_dump = [str(self.ground.cluster.bin("pg_dump")), "--file", str(written), self.ground.url(database)]
        return [
            [sanitise, self._program("psql", [*self._psql(database), "-1"])],
            [self._program("pg_dump", pg_dump)],
        ]

    def _psql(self, database: str) -> list[str]:
        psql = str(self.ground.cluster.bin("psql"))
        return [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.ground.url(database)]

    def _sanitise(self) -> list[str]:
        return [dmrefresh(), "sanitise", "--ruleset", str(_RULES / "dmrefresh.yaml"), "--unlisted", "keep"]

    def _program(self, name: str, argv: Sequence[str]) -> Program:
        """One that finds the server's own psql and pg_dump before all others."""
        here = environment()
        path = f"{self.ground.cluster.bin('psql').parent}{os.pathsep}{here['PATH']}"
        return Program(name, argv, {**here, "PATH": path}, quiet=False)
