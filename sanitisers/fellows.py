"""Rows sanitised by several of the same making: by one who compares at the end, and by fellows in other processes.

A fellow is given blocks of rows. It sends back what becomes of them, what it did, and keyed hashes of what it saw, and
holds nothing of any value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.compiling import compile_ruleset
from sanitisers.errors import BlockError, SanitiserError, ValueRefused
from sanitisers.leaks.passing import PassingOn
from sanitisers.leaks.reading import Here
from sanitisers.leaks.seen import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.table import TableSanitiser
    from sanitisers.engine.tally import Tally
    from sanitisers.engine.values import Bytes
    from sanitisers.leaks.reading import Reading, Reads, Wanted
    from sanitisers.leaks.seen import Seen
    from sanitisers.making.uniqueness import Known
    from sanitisers.ruleset.model import Ruleset
    from sanitisers.sanitiser import Sanitiser


@dataclass(frozen=True, slots=True)
class Making:
    """What a sanitiser is made of, see `compile_ruleset`. Two that are made of the same make the same of rows."""

    ruleset: Ruleset
    schema: Mapping[str, Sequence[ColumnLike]]
    key: bytes = field(repr=False)
    keep_unlisted: bool = False
    known: Known | None = None
    remote: bool = True

    def made(self, reads: Reads = Here) -> Sanitiser:
        """The sanitiser; `reads`, and what is raised, are those of `compile_ruleset`."""
        return compile_ruleset(
            self.ruleset,
            self.schema,
            self.key,
            keep_unlisted=self.keep_unlisted,
            known=self.known,
            remote=self.remote,
            reads=reads,
        )


@dataclass(frozen=True, slots=True)
class Done:
    """What a fellow made of a block.

    Attributes:
        rows: whole COPY lines.
        tally: what was done.
        seen: what was seen since it last said so.
    """

    rows: Bytes
    tally: Tally
    seen: Seen


class Fellow:
    """Sanitises blocks for another sanitiser of the same making. For one thread."""

    def __init__(self, making: Making) -> None:
        """Take what both are made of. Raises what `compile_ruleset` does."""
        self._passing: PassingOn | None = None
        self._sanitiser = making.made(self._reads)
        self._tables: dict[tuple[str, tuple[str, ...]], TableSanitiser] = {}

    def _reads(self, wanted: Wanted) -> Reading:
        self._passing = PassingOn(wanted)
        return self._passing

    def apply(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Done | SanitiserError:
        """What becomes of a block of whole COPY lines, the first of which is row `first_row` of the table.

        What `TableSanitiser.apply` raises is returned.
        """
        one = self._table(table, columns)
        try:
            block = one.apply(rows.data, first_row)
        except (BlockError, ValueRefused) as error:
            return error
        return Done(np.frombuffer(block.rows, np.uint8), block.tally, self._seen())

    def look(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Seen | SanitiserError:
        """What was seen since it last said so, once it has looked at a block; what is raised is returned."""
        one = self._table(table, columns)
        try:
            one.look(rows.data, first_row)
        except BlockError as error:
            return error
        return self._seen()

    def rest(self) -> Seen:
        """When no more blocks will be given: what was seen and not yet told."""
        if self._passing is not None:
            self._passing.finish()
        return self._seen()

    def _table(self, table: str, columns: tuple[str, ...]) -> TableSanitiser:
        if (table, columns) not in self._tables:
            self._tables[table, columns] = self._sanitiser.table(table, columns)
        return self._tables[table, columns]

    def _seen(self) -> Seen:
        return self._passing.seen(self._sanitiser.places) if self._passing is not None else NOTHING
