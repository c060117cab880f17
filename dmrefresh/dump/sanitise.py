"""sanitise: dump events in, dump events out, with every row as the ruleset wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from dmrefresh.dump.events import End, Event, Head, Name, Schema, Statement, TableData
from dmrefresh.dump.judging.after_load import script_of
from dmrefresh.dump.judging.after_load_names import check_names
from dmrefresh.dump.judging.inheritance import known_by_rules, refuse_bypassed, ruled_by, with_inherited
from dmrefresh.dump.judging.literals import Literals
from dmrefresh.dump.note import note_of
from dmrefresh.dump.shared_out import NONE, WAITING, Fellows, SharedOut, TableRows
from dmrefresh.dump.side_by_side import Ready, Work, results
from dmrefresh.dump.text.transcoding import Transcoder, transcoder_for
from dmrefresh.errors import DumpRefused, Failure, NotSanitised

if TYPE_CHECKING:
    from sanitisers import Known, Ruleset, Sanitiser
    from sanitisers.fellows import Making

_NAMED = 20
"""Places that are warned of one by one."""


def sanitise(
    events: Iterable[Event],
    ruleset: Ruleset,
    key: bytes,
    *,
    keep_unlisted: bool = False,
    known: Known | None = None,
    remote: bool = True,
    on_ready: Callable[[Sanitiser], None] = lambda sanitiser: None,
    on_warning: Callable[[str], None] = lambda warning: None,
    threads: int = 1,
    fellows: Fellows = NONE,
) -> Iterator[Event]:
    """Yield the events with the rows replaced; statements pass as they are, unless they hold personal data.

    The ruleset is held against the Head before the first event is handed on, so that what nobody has
    classified stops the run before the target is touched.

    Args:
        events: a dump.
        ruleset: what becomes of each column.
        key: keys the fakes (bytes); who does not have it cannot test a guess.
        keep_unlisted: keep the columns that nothing covers.
        known: what was found out about the tables of the target; a note of the dump's own is added to it.
        remote: the rows may leave this machine, so accounts that the ruleset has locked are.
        on_ready: is given the compiled ruleset, which counts what it replaces.
        on_warning: is given what comes to light only at the end of the dump.
        threads: blocks of rows that are worked on at a time; what comes out is the same for any number.
        fellows: those who may sanitise blocks beside this process; what comes out is the same for any number. A
            ruleset with functions of a team's own has none.

    Raises:
        DumpRefused: rows that a rule changes are not in the encoding that the dump says it is in.
        NotSanitised: a column that nothing covers, a rule that cannot be kept, rows it cannot read, or a
            statement that holds what looks like personal data; at the end of the dump, a kept text that holds
            what a rule replaces.
    """
    if ruleset.has_functions:  # what they remember, between one value and the next, is in one process, and in order
        fellows = NONE
    sanitising = _Sanitising(ruleset, key, keep_unlisted, known, remote, on_ready, fellows, threads)
    for event in results(sanitising.follow(iter(events)), threads + WAITING * len(fellows.make)):
        if isinstance(event, End):
            sanitising.check_end(on_warning)
        yield event


@dataclass(slots=True)
class _Sanitising:
    """The way through one dump; what is asked is what `sanitise` is."""

    ruleset: Ruleset
    key: bytes
    keep_unlisted: bool
    known: Known | None
    remote: bool
    on_ready: Callable[[Sanitiser], None]
    fellows: Fellows
    threads: int
    schema: Schema = field(default_factory=Schema)
    compiled: Sanitiser | None = None
    literals: Literals | None = None
    transcoder: Transcoder | None = None
    shared: SharedOut | None = None
    tables: dict[tuple[Name, tuple[str, ...]], TableRows] = field(default_factory=dict)
    rows: dict[Name, int] = field(default_factory=dict)

    def follow(self, stream: Iterator[Event]) -> Iterator[Work[Event] | Ready[Event]]:
        """The events, each block of rows as the work of replacing what is in it."""
        for event in stream:
            if isinstance(event, Head):
                self._begin(event)
            elif isinstance(event, Statement):
                assert self.literals is not None, "a statement came before the Head"
                self.literals.check(event, stream)
            elif isinstance(event, TableData):
                assert self.shared is not None, "rows came before the Head"
                first = self.rows.get(event.table, 0) + 1
                self.rows[event.table] = first - 1 + event.count
                rows = self._table(event)
                self.shared.more(len(event.rows))
                yield Work(partial(_apply, rows, event, first, self.transcoder))
                continue
            yield Ready(event)

    def _begin(self, head: Head) -> None:
        self.schema = head.schema
        self.transcoder = transcoder_for(head.encoding)
        check_names(script_of(self.ruleset), head)
        making = _making(
            self.ruleset,
            head,
            self.key,
            keep_unlisted=self.keep_unlisted,
            known=with_note(self.known, head),
            remote=self.remote,
        )
        self.compiled = _compiled(making)
        fellows = [partial(make, making) for make in self.fellows.make]
        self.shared = SharedOut(self.compiled, self.threads, fellows, self.fellows.begin)
        self.on_ready(self.compiled)
        self.literals = Literals(head, self.ruleset)
        self.literals.check_head()

    def _table(self, block: TableData) -> TableRows:
        assert self.shared is not None, "rows came before the Head"
        table = self.tables.get((block.table, block.columns))
        if table is None:
            if self.schema.tables[block.table].partitioned:
                refuse_bypassed(block.table, self.schema, self.ruleset)
            table = _table(self.shared, ruled_by(block.table, self.schema, self.ruleset), block.columns)
            self.tables[block.table, block.columns] = table
        return table

    def check_end(self, on_warning: Callable[[str], None]) -> None:
        """What can be said only when every row has gone by; raises NotSanitised."""
        assert self.compiled is not None, "the End came before the Head"
        assert self.shared is not None
        self.shared.end()
        for warning in [*(self.literals.warnings() if self.literals else ()), *_unmatched(self.compiled, self.ruleset)]:
            on_warning(warning)
        _check_leaks(self.compiled, on_warning)


def with_note(known: Known | None, head: Head) -> Known:
    """What is known about the tables, and what the note of a dump says about them.

    Args:
        known: of the target.
        head: of the dump.
    """
    from sanitisers import Known

    known, note = known or Known(), note_of(head)
    if note is None:
        return known
    rows = {table: max(note.rows.get(table, 0), known.rows.get(table, 0)) for table in {*note.rows, *known.rows}}
    return Known(note.unique, known.likely, rows)


def _making(ruleset: Ruleset, head: Head, key: bytes, *, keep_unlisted: bool, known: Known, remote: bool) -> Making:
    from sanitisers.fellows import Making

    written: dict[str, Name] = {}
    for name in head.schema.tables:
        if written.setdefault(str(name), name) != name:
            raise DumpRefused(f"Two tables of the dump are both written {name} in a ruleset.")
    columns = {
        str(name): [column for column in table.columns if not column.generated]
        for name, table in head.schema.tables.items()
        if ruled_by(name, head.schema, ruleset) == name
    }
    rules = with_inherited(ruleset, head.schema)
    known = known_by_rules(known, head.schema, ruleset)
    return Making(rules, columns, key, keep_unlisted, known, remote)


def _compiled(making: Making) -> Sanitiser:
    from sanitisers import SanitiserError

    try:
        return making.made()
    except SanitiserError as error:
        raise _failure(error) from None


def compiled_for(ruleset: Ruleset, head: Head, key: bytes) -> Sanitiser:
    """The ruleset held against a Head, as `sanitise` does before the first row.

    Raises:
        DumpRefused: two tables have the same name in rulesets.
        NotSanitised: a column that nothing covers, or a rule that cannot fit.
    """
    making = _making(ruleset, head, key, keep_unlisted=False, known=with_note(None, head), remote=True)
    return _compiled(making)


def _check_leaks(compiled: Sanitiser, on_warning: Callable[[str], None]) -> None:
    from sanitisers import Leaked, LooksPersonal

    try:
        compiled.check_leaks()
    except (Leaked, LooksPersonal) as found:
        hint = f"give these a rule, or say in the ruleset why nothing leaks there:\n\n{found.paste}"
        raise NotSanitised(str(found), hint=hint) from None
    for detected in compiled.detected[:_NAMED]:
        on_warning(f"{detected}; give it a rule, or a line of `leaks:` that says why it may stay")
    if len(compiled.detected) > _NAMED:
        on_warning(f"so do {len(compiled.detected) - _NAMED} more columns and paths")
    for leak in compiled.by_chance:
        on_warning(f"{leak}; so many are the same by chance, where there are so many numbers")
    if compiled.compared is not None and compiled.compared.one_in > 1:
        on_warning(f"too much is replaced to be remembered: one in {compiled.compared.one_in} values was looked for")


def _unmatched(compiled: Sanitiser, ruleset: Ruleset) -> list[str]:
    return [f"{ruleset.at('leaks', name)}: nothing of the dump is there" for name in compiled.unmatched_leaks()]


def _table(shared: SharedOut, name: Name, columns: tuple[str, ...]) -> TableRows:
    from sanitisers import SanitiserError

    try:
        return shared.table(str(name), columns)
    except SanitiserError as error:
        raise _failure(error) from None


def _apply(table: TableRows, block: TableData, first: int, transcoder: Transcoder | None) -> TableData:
    """A block with its rows replaced, of which the first is row `first` of the table."""
    from sanitisers import SanitiserError

    try:
        if not table.change:
            if table.watched:
                table.look(transcoder.roughly_utf8(block) if transcoder else block.rows, first)
            rows, count = table.apply(bytes(block.rows), first)
            return replace(block, rows=rows, count=count)  # the rows as they are, or none
        rows, count = table.apply(transcoder.to_utf8(block, first) if transcoder else bytes(block.rows), first)
    except SanitiserError as error:
        raise _failure(error) from None
    if transcoder:
        rows = transcoder.from_utf8(rows, block.table, first, exact=count == block.count)
    return replace(block, rows=rows, count=count)


def _failure(error: Exception) -> Failure:
    """Errors of the sanitisers name tables, columns and rows, and the rules; never a value."""
    return NotSanitised(
        str(error), hint="amend the ruleset; `dmrefresh sanitisers check` tells all that would stop a run"
    )
