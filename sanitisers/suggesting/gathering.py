"""Looks at a dump's rows as they stream by, and remembers what the columns are like.

Of each table the first thousand rows are looked at, and five hundred of each doubling after that: the whole length
of the table is seen, at a cost that hardly grows with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from sanitisers.columns import Kind, kind
from sanitisers.engine.copy_text import NULL, decode
from sanitisers.errors import BlockError
from sanitisers.suggesting.facts import Document, Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sanitisers.columns import ColumnLike

_ALL = 1_000
_OF_A_DOUBLING = 500
_MOST_BYTES = 64 << 10
"""A longer value is not decoded: it is text or a document that nobody keeps."""


@dataclass(slots=True)
class TableFacts:
    """What is known of a table.

    Attributes:
        rows: how many there are.
        looked: at how many of them was looked.
        columns: what is known of each column.
        documents: for those of type json and jsonb.
        slugs: in how many rows one column's text is a slug made from another's, or begins with it, by both names.
    """

    rows: int = 0
    looked: int = 0
    columns: dict[str, Facts] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    slugs: dict[tuple[str, str], int] = field(default_factory=dict)


class Gathering:
    """Looks at the rows of all tables, one block after another."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.tables: dict[str, TableFacts] = {}

    def table(self, name: str, columns: Sequence[ColumnLike]) -> TableFacts:
        """What is known of a table so far."""
        found = self.tables.get(name)
        if found is None:
            found = self.tables[name] = TableFacts()
            for column in columns:
                found.columns[column.name] = Facts()
                if kind(column) is Kind.JSON:
                    found.documents[column.name] = Document()
        return found

    def look(self, name: str, columns: Sequence[ColumnLike], rows: bytes, count: int) -> None:
        """Look at a block of whole COPY lines in UTF-8.

        Args:
            name: the table, as rulesets write it.
            columns: in the order of the lines.
            rows: the lines.
            count: how many there are.

        Raises:
            BlockError: a line has not as many values as there are columns.
        """
        found = self.table(name, columns)
        wanted = list(chosen(found.rows, count))
        if wanted:
            lines = rows.split(b"\n")
            for index in wanted:
                values = lines[index].split(b"\t")
                if len(values) != len(columns):
                    what = f"{len(values)} values where the table has {len(columns)} columns"
                    raise BlockError(name, found.rows + index + 1, what)
                _look_at(found, columns, values)
            found.looked += len(wanted)
        found.rows += count


def chosen(before: int, count: int) -> Iterator[int]:
    """Which rows of a block are looked at, from 0.

    Args:
        before: rows of the table in earlier blocks.
        count: rows of the block.
    """
    row = before
    while row < before + count:
        if row < _ALL:
            yield row - before
            row += 1
            continue
        step = max((1 << (row.bit_length() - 1)) // _OF_A_DOUBLING, 1)
        if row % step:
            row += step - row % step
            continue
        yield row - before
        row += step


def _look_at(found: TableFacts, columns: Sequence[ColumnLike], values: Sequence[bytes]) -> None:
    texts: dict[str, str] = {}
    for column, value in zip(columns, values, strict=True):
        facts = found.columns[column.name]
        if value == NULL:
            facts.null += 1
            continue
        of_kind = kind(column)
        text = decode(value[:_MOST_BYTES] if of_kind is not Kind.JSON else value).decode("utf-8", "replace")
        if of_kind is Kind.JSON:
            facts.filled += 1
            _add(found.documents[column.name], facts, text)
        elif of_kind is Kind.NUMBER:
            facts.number(text)
        else:
            facts.text(text)
            texts[column.name] = text
    for slug in texts:
        if slug.endswith("slug"):
            for name, text in texts.items():
                if name != slug and _names(texts[slug], text):
                    found.slugs[slug, name] = found.slugs.get((slug, name), 0) + 1


def _names(slug: str, text: str) -> bool:
    """Whether a slug is made from a text, or begins with it and goes on behind a hyphen."""
    return _bare(slug) == _bare(text) != "" or slug.startswith(f"{text}-")


def _bare(text: str) -> str:
    return "".join(mark for mark in text.lower() if mark.isalnum())


def _add(document: Document, facts: Facts, text: str) -> None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        facts.personal += 1  # nobody knows what it holds
        return
    document.add(value)
