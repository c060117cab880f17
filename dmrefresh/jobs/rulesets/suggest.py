"""sanitisers suggest: a complete ruleset for a database that has none, from its dump. No value of it is ever shown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dmrefresh.dump.definitions.keys import KeysRead
from dmrefresh.dump.events import Event, Head, Name, Schema, Statement, TableData, head_of
from dmrefresh.dump.judging.inheritance import ruled_by
from dmrefresh.dump.judging.literals import Literals
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.dump.text.transcoding import transcoder_for
from dmrefresh.errors import NotSanitised
from dmrefresh.jobs import new_file
from dmrefresh.jobs.rulesets.given import Given, events
from dmrefresh.observer import Observer
from sanitisers import BlockError, Known, Ruleset, SanitiserError, compile_ruleset
from sanitisers.assumed import based
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.suggesting.gathering import Gathering
from sanitisers.suggesting.judgement import Confidence
from sanitisers.suggesting.suggestion import suggest
from sanitisers.suggesting.tables import TableSuggestion
from sanitisers.suggesting.writing import written
from sanitisers.trying import fits

_NO_RULES = Ruleset(ruleset=1)
"""Under it the columns alone tell which tables are like their parents."""
_ELSEWHERE = "name a file in a folder that exists"
_MODELINE = "# yaml-language-server: $schema={}"
SCHEMA_FILE = "ruleset.schema.json"
"""What the JSON Schema of rulesets is called, beside those that ship."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """A ruleset that fits what was looked at.

    Attributes:
        text: of its file.
        tables: what is suggested for each table.
        rows: how many rows there were.
    """

    text: str
    tables: dict[str, TableSuggestion]
    rows: int

    def missing_beside(self, file: Path, program: str = "dmrefresh") -> str | None:
        """What to run so that editors find the schema that the first line names; None where it is there.

        Args:
            file: the ruleset's.
            program: how the command begins.
        """
        beside = file.with_name(SCHEMA_FILE)
        return None if beside.exists() else f"{program} sanitisers schema > {shlex.quote(str(beside))}"

    def summary(self) -> str:
        """What was found, in one line."""
        judged = [one for table in self.tables.values() for one in table.columns.values()]
        emptied = sum(bool(table.empties) for table in self.tables.values())
        kept = sum(one.keeps for one in judged)
        return (
            f"{self.rows:,} rows in {len(self.tables)} tables, {emptied} of them emptied; {len(judged)} columns, "
            f"{kept} kept, {len(judged) - kept} replaced or dropped, {self.look_first} lines to look at first (low)"
        )

    @property
    def look_first(self) -> int:
        """How many lines, of tables, columns and paths, are so uncertain that a person looks at them first."""
        return sum(line.confidence is Confidence.LOW for table in self.tables.values() for line in table.lines())


def run(given: Given, observer: Observer, *, schema_at: str = SCHEMA_FILE) -> Suggested:
    """Read all of it, and write what a ruleset for it might say.

    Args:
        given: what is looked at.
        observer: is told about progress.
        schema_at: where editors find the JSON Schema of rulesets, a URL or a path relative to the ruleset.

    Raises:
        Failure: it cannot be read to its end, or is no dump that could be sanitised.
    """
    with events(given, observer, rows=True) as stream:
        head = head_of(stream)
        keys = KeysRead(codec_of(head.encoding))
        personal: dict[str, str] = {}
        gathered = _gathered(head, stream, keys, personal, observer)
    names = {str(name): name for name in _ruled(head.schema)}
    schema = {table: [c for c in head.schema.tables[name].columns if not c.generated] for table, name in names.items()}
    keys_of = {table: keys.of(name) for table, name in names.items()}
    found = suggest(schema, gathered, keys_of, fits)
    rows = sum(table.rows for table in gathered.tables.values())
    text = written(
        found,
        schema,
        of=f"a database of PostgreSQL {head.server_version} with {rows:,} rows",
        modeline=_MODELINE.format(schema_at),
        personal=personal,
    )
    try:
        known = Known(unique={table: of.unique for table, of in keys_of.items()})
        compile_ruleset(parse_ruleset(text, "suggested"), schema, bytes(32), known=known)
    except SanitiserError as error:
        raise NotSanitised(f"What was found makes no ruleset: {error}", hint="report this") from None
    return Suggested(text, found, rows)


def refuse_to_overwrite(file: Path, *, force: bool) -> None:
    """Raises UsageFailure where the ruleset cannot be written, before anything is read."""
    new_file.refuse_to_overwrite(file, force=force, instead="name another file, or add --force", elsewhere=_ELSEWHERE)


def write(done: Suggested, file: Path, *, force: bool) -> None:
    """Write the ruleset; raises UsageFailure where that cannot be done."""
    new_file.write(file, done.text, force=force, elsewhere=_ELSEWHERE)


def _ruled(schema: Schema) -> list[Name]:
    """The tables that need rules of their own: partitions have those of their root, and so on."""
    return [name for name in schema.tables if ruled_by(name, schema, _NO_RULES) == name]


def _gathered(
    head: Head, stream: Iterator[Event], keys: KeysRead, personal: dict[str, str], observer: Observer
) -> Gathering:
    """Look at all rows and statements; `personal` gets what definitions hold that looks so, by the object's name."""
    gathered, literals = Gathering(), Literals(head, _NO_RULES)
    transcoder = transcoder_for(head.encoding)

    def read(statement: Statement) -> None:
        keys.read(statement)
        for found in literals.find(statement):
            personal.setdefault(found.name, f"{found.statement}: {', '.join(found.kinds)}")

    for statement in head.statements:
        read(statement)
    for event in stream:
        if isinstance(event, Statement):
            read(event)
        elif isinstance(event, TableData):
            root = ruled_by(event.table, head.schema, _NO_RULES)
            columns = {column.name: based(column) for column in head.schema.tables[root].columns}
            rows = transcoder.roughly_utf8(event) if transcoder else bytes(event.rows)
            in_rows = [columns[name] for name in event.columns]
            try:
                gathered.look(str(root), in_rows, rows, event.count)
            except BlockError as error:
                raise NotSanitised(str(error)) from None
            observer.progress(str(event.table), gathered.tables[str(root)].rows)
    return gathered
