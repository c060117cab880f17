"""What can go wrong in sanitising. No message ever holds a value of the data.

SanitiserError
├── RulesetError    the ruleset is wrong in itself, or cannot fit the schema
├── Unclassified    the schema has columns that the ruleset does not mention
├── BlockError      a block of rows is not what its column list says
├── ValueRefused    a value is not of the kind that its rule was written for
├── Leaked          what a rule replaces stands in what is kept
└── LooksPersonal   what looks like personal data stands in what is kept, and the ruleset wants to stop there
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sanitisers.columns import ColumnLike

NAMED = 20
"""Places in one message."""


class SanitiserError(Exception):
    """Anything that sanitising refuses to do."""


class RulesetError(SanitiserError):
    """The ruleset is wrong.

    Attributes:
        messages: one sentence a mistake, each beginning with the file, and the line where it has one.
    """

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))


class Unclassified(SanitiserError):
    """Nobody has said what shall become of some columns, so nothing may be sent.

    Attributes:
        columns: (table, column, type) of each.
        paste: the lines for the ruleset, with a proposal for each column.
        gone: rules for what is not there; their names may be misspelt.
    """

    def __init__(self, columns: Iterable[tuple[str, ColumnLike]], paste: str, gone: Iterable[str] = ()) -> None:
        found = list(columns)
        self.columns = tuple((table, column.name, column.type) for table, column in found)
        self.paste = paste
        self.gone = tuple(gone)
        misspelt = "".join(f"\n{line}" for line in self.gone[:NAMED])
        count = "1 column is" if len(found) == 1 else f"{len(found)} columns are"
        super().__init__(
            f"{count} in the dump, but no rule and no line of `defaults:` covers "
            f"{'it' if len(found) == 1 else 'them'}.{misspelt}\n"
            f"Decide, and put into the ruleset (what stands here is a proposal):\n\n{self.paste}"
        )


class BlockError(SanitiserError):
    """A row has not as many values as the table has columns, or the block ends inside a row.

    Attributes:
        table: as rulesets write it.
        row: counted from 1 over the whole table.
        column: where it is known.
    """

    def __init__(self, table: str, row: int, what: str, column: str | None = None) -> None:
        self.table, self.row, self.column, self._what = table, row, column, what
        where = f"{table}.{column}" if column else table
        super().__init__(f"{where}, row {row}: {what}")

    def __reduce__(self) -> tuple[type[BlockError], tuple[object, ...]]:
        return type(self), (self.table, self.row, self._what, self.column)


class ValueRefused(SanitiserError):
    """A value cannot be sanitised by the rule of its column, so its row cannot be sent.

    Attributes:
        table: as rulesets write it.
        row: counted from 1 over the whole table.
        column: the column.
    """

    def __init__(self, table: str, row: int, column: str, what: str) -> None:
        self.table, self.row, self.column, self._what = table, row, column, what
        super().__init__(f"{table}.{column}, row {row}: {what}")

    def __reduce__(self) -> tuple[type[ValueRefused], tuple[object, ...]]:
        return type(self), (self.table, self.row, self.column, self._what)


class Standing(Protocol):
    """What was seen in what is kept; as a text it says what stands where, and never holds a value."""

    @property
    def where(self) -> str:
        """The column, or the path in its documents."""


class Leaked(SanitiserError):
    """Originals of some rules stand in texts that are kept.

    Attributes:
        leaks: what stands where.
        paste: the lines of the ruleset that allow it.
    """

    def __init__(self, leaks: Iterable[Standing], paste: str) -> None:
        self.leaks = tuple(leaks)
        self.paste = paste
        super().__init__(
            f"What rules replace stands in what is kept, where it would be published:{_listed(self.leaks)}"
        )


class LooksPersonal(SanitiserError):
    """Texts that are kept hold what looks like personal data, and the ruleset wants to stop there.

    Attributes:
        detected: what stands where.
        paste: the lines of the ruleset that allow it.
    """

    def __init__(self, detected: Iterable[Standing], paste: str) -> None:
        self.detected = tuple(detected)
        self.paste = paste
        super().__init__(
            f"What looks like personal data stands in what is kept, where it would be published:"
            f"{_listed(self.detected)}"
        )


def _listed(found: Sequence[object]) -> str:
    """A line for each, or for the first of them, and how many more there are."""
    more = f"\n  and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "".join(f"\n  {one}" for one in found[:NAMED]) + more
