"""What a type is made of, so that each text in a value can be looked at by itself, at whatever depth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sanitisers.engine.box_text import Form, NotAsWritten
from sanitisers.engine.copy_text import NULL, decode, encode
from sanitisers.engine.grid import Column, separators
from sanitisers.engine.kept_documents import strings_of
from sanitisers.engine.prf import Values
from sanitisers.engine.traces import laid_together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Positions


class Leaf(Enum):
    """A type whose values hold no others."""

    TEXT = "text"
    DOCUMENT = "document"
    OTHER = "other"
    """Numbers and the like, which hold no text."""


@dataclass(frozen=True, slots=True)
class Box:
    """An array, a composite or an hstore: how it is written, and what is in each of its slots."""

    form: Form
    slots: tuple[Shape, ...]


Shape: TypeAlias = Leaf | Box


def kept_texts(shape: Shape, column: Column, rows: Flags) -> Iterator[Values]:
    """All texts in some values of a column: what holds none is passed by, and of documents the strings are given."""
    if shape is Leaf.DOCUMENT:
        yield strings_of(column.values, rows)
    elif shape is Leaf.TEXT:
        yield column.only(rows)
    elif isinstance(shape, Box):
        taken = _Taken(shape.form, column, rows)
        yield from taken.unread()
        for slot, inner in enumerate(shape.slots):
            if inner is not Leaf.OTHER:
                inside = elements(taken.values[i] for i in taken.of_slot(slot))
                yield from kept_texts(inner, inside, ~(inside.null | inside.empty))


def original_texts(shape: Shape, column: Column, rows: Flags) -> tuple[Values, Positions]:
    """All values in some values of a column, each with the index of the row that it stands in."""
    found = list(_originals(shape, column, rows))
    return laid_together([texts for texts, _ in found]), np.concatenate([owners for _, owners in found])


def _originals(shape: Shape, column: Column, rows: Flags) -> Iterator[tuple[Values, Positions]]:
    if not isinstance(shape, Box):
        yield column.only(rows), np.flatnonzero(rows)
        return
    taken = _Taken(shape.form, column, rows, names=False)
    for texts in taken.unread():
        yield texts, np.array(taken.unread_rows, np.int64)
    for slot, inner in enumerate(shape.slots):
        own = taken.of_slot(slot)
        inside = elements(taken.values[i] for i in own)
        owners = np.array([taken.owners[i] for i in own], np.int64)
        for texts, places in _originals(inner, inside, ~(inside.null | inside.empty)):
            yield texts, owners.take(places)


class _Taken:
    """Values taken apart, those that cannot be read as they are."""

    def __init__(self, form: Form, column: Column, rows: Flags, *, names: bool = True) -> None:
        self.values: list[bytes | None] = []
        self.slots: list[int] = []
        self.owners: list[int] = []
        self.unread_rows: list[int] = []
        self._unread: list[bytes] = []
        for row, text in texts_of(column, rows):
            try:
                opened = form.open(text)
            except NotAsWritten:
                self._unread.append(text)
                self.unread_rows.append(row)
                continue
            self.values += opened.values
            self.slots += opened.slots
            if names:
                self.values += [name for _, name in opened.names]
                self.slots += [slot for slot, _ in opened.names]
            self.owners += [row] * (len(self.values) - len(self.owners))

    def of_slot(self, slot: int) -> list[int]:
        return [i for i, own in enumerate(self.slots) if own == slot]

    def unread(self) -> Iterator[Values]:
        if self._unread:
            inside = elements(self._unread)
            yield inside.only(~inside.empty)


def texts_of(column: Column, rows: Flags) -> Iterator[tuple[int, bytes]]:
    """The index of each of some rows, and its value as the server holds it."""
    chosen = np.flatnonzero(rows)
    values = column.values
    view = values.buffer.data
    starts, ends = values.starts.take(chosen).tolist(), values.ends.take(chosen).tolist()
    for row, start, end in zip(chosen.tolist(), starts, ends, strict=True):
        yield row, decode(bytes(view[start:end]))


def elements(values: Iterable[bytes | None]) -> Column:
    """Values as a column of COPY text; None is NULL."""
    text = b"".join([NULL + b"\n" if value is None else encode(value) + b"\n" for value in values])
    block = np.frombuffer(text, np.uint8)
    return Column.of(block, separators(block, 1), 0)


def texts_from(parts: Sequence[list[bytes]]) -> list[bytes | None]:
    """What COPY text in several parts stands for, value by value; None is NULL."""
    whole = parts[0] if len(parts) == 1 else [b"".join(pieces) for pieces in zip(*parts, strict=True)]
    return [None if text == NULL else decode(text) for text in whole]
