"""sanitise: dump events in, dump events out, with every row as the ruleset wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dmrefresh.dump.events import Event, Head, Name, Schema, TableData
from dmrefresh.errors import DumpRefused, Failure, NotSanitised

if TYPE_CHECKING:
    from sanitisers import Ruleset, Sanitiser
    from sanitisers.engine.table import TableSanitiser


def sanitise(
    events: Iterable[Event],
    ruleset: Ruleset,
    key: bytes,
    *,
    on_ready: Callable[[Sanitiser], None] = lambda sanitiser: None,
) -> Iterator[Event]:
    """Yield the events with the rows replaced; statements pass as they are.

    The ruleset is held against the Head before the first event is handed on, so that what nobody has
    classified stops the run before the target is touched.

    Args:
        events: a dump.
        ruleset: what becomes of each column.
        key: keys the fakes (bytes); who does not have it cannot test a guess.
        on_ready: is given the compiled ruleset, which counts what it replaces.

    Raises:
        DumpRefused: it is in another encoding than UTF8.
        NotSanitised: a column that nothing covers, a rule that cannot be kept, or rows it cannot read.
    """
    compiled: Sanitiser | None = None
    schema = Schema()
    tables: dict[tuple[Name, tuple[str, ...]], TableSanitiser] = {}
    rows_before: dict[Name, int] = {}
    for event in events:
        if isinstance(event, Head):
            schema = event.schema
            compiled = _compile(ruleset, event, key)
            on_ready(compiled)
        elif isinstance(event, TableData):
            assert compiled is not None, "rows came before the Head"
            table = tables.get((event.table, event.columns))
            if table is None:
                table = _table(compiled, _ruled_by(event.table, schema, ruleset), event.columns)
                tables[event.table, event.columns] = table
            event = _apply(table, event, rows_before)
        yield event


def _compile(ruleset: Ruleset, head: Head, key: bytes) -> Sanitiser:
    from sanitisers import SanitiserError, compile_ruleset

    if head.encoding != "UTF8":
        raise DumpRefused(
            f"The dump is in {head.encoding}; what takes the place of its values is in UTF8.",
            hint="make the dump with pg_dump --encoding=UTF8",
        )
    written: dict[str, Name] = {}
    for name in head.schema.tables:
        if written.setdefault(str(name), name) != name:
            raise DumpRefused(f"Two tables of the dump are both written {name} in a ruleset.")
    columns = {
        str(name): [column for column in table.columns if not column.generated]
        for name, table in head.schema.tables.items()
        if _ruled_by(name, head.schema, ruleset) == name
    }
    try:
        return compile_ruleset(ruleset, columns, key)
    except SanitiserError as error:
        raise _failure(error) from None


def _ruled_by(name: Name, schema: Schema, ruleset: Ruleset) -> Name:
    """The table whose rules hold for this one: its parent's, for a partition or child without rules of its own.

    A child with columns that its parent does not have is a table of its own: somebody must classify those.
    """
    while (table := schema.tables.get(name)) is not None and table.parent is not None:
        parent = schema.tables.get(table.parent)
        known = {column.name for column in parent.columns} if parent else set()
        if str(name) in ruleset.tables or not {column.name for column in table.columns} <= known:
            break
        name = table.parent
    return name


def _table(compiled: Sanitiser, name: Name, columns: tuple[str, ...]) -> TableSanitiser:
    from sanitisers import SanitiserError

    try:
        return compiled.table(str(name), columns)
    except SanitiserError as error:
        raise _failure(error) from None


def _apply(table: TableSanitiser, block: TableData, rows_before: dict[Name, int]) -> TableData:
    from sanitisers import SanitiserError

    first = rows_before.get(block.table, 0) + 1
    rows_before[block.table] = first - 1 + block.count
    try:
        done = table.apply(bytes(block.rows), first)
    except SanitiserError as error:
        raise _failure(error) from None
    return replace(block, rows=done.rows, count=done.count_out)


def _failure(error: Exception) -> Failure:
    """Errors of the sanitisers name tables, columns and rows, and the rules; never a value."""
    return NotSanitised(str(error), hint="amend the ruleset, then run it again")
