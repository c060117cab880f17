"""What a type is made of, so that each text in a value can be looked at by itself, at whatever depth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sanitisers.engine.box_text import BoxForm, NotAsWritten, Opened
from sanitisers.engine.copy_text import NULL, decode, encode
from sanitisers.engine.flat_boxes import LONGEST, Flat, Marks, read_flat
from sanitisers.engine.grid import Column, separators
from sanitisers.engine.kept_documents import strings_of
from sanitisers.engine.spans import laid_together
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions


UNREAD = -1
OPENED = 1 << 24
"""Bytes of a value that are looked into; a longer one would take many times its own memory, and is looked at whole."""

_ESCAPES = re.compile(rb"[\\\x08\x0c\r\t\x0b]")
"""What COPY writes in another way, but for newlines."""


class Plain(Enum):
    """A type whose values hold no others."""

    TEXT = "text"
    DOCUMENT = "document"
    OTHER = "other"
    """Numbers and the like, which hold no text."""


@dataclass(frozen=True, slots=True)
class Box:
    """An array, a composite or an hstore: how it is written, and what is in each of its slots."""

    form: BoxForm
    slots: tuple[Shape, ...]


Shape: TypeAlias = Plain | Box


def kept_texts(shape: Shape, column: Column, rows: Flags) -> Iterator[Values]:
    """All texts in some values of a column: what holds none is passed by, and of documents the strings are given."""
    if shape is Plain.DOCUMENT:
        yield strings_of(column.values, rows)
    elif shape is Plain.TEXT:
        yield column.only(rows)
    elif isinstance(shape, Box):
        for slot, inside, _ in slots_in(shape.form, len(shape.slots), column, rows, names=True):
            inner = shape.slots[slot] if slot != UNREAD else Plain.TEXT
            if inner is not Plain.OTHER:
                yield from kept_texts(inner, inside, ~(inside.null | inside.empty))


def original_texts(shape: Shape, column: Column, rows: Flags) -> tuple[Values, Positions]:
    """All values in some values of a column, each with the index of the row that it stands in."""
    found = list(_originals(shape, column, rows))
    nothing = (Values.of([]), np.empty(0, np.int64))
    texts, owners = zip(*(found or [nothing]), strict=True)
    return laid_together(texts), np.concatenate(owners)


def _originals(shape: Shape, column: Column, rows: Flags) -> Iterator[tuple[Values, Positions]]:
    if not isinstance(shape, Box):
        yield column.only(rows), np.flatnonzero(rows)
        return
    for slot, inside, owners in slots_in(shape.form, len(shape.slots), column, rows):
        inner = shape.slots[slot] if slot != UNREAD else Plain.TEXT
        for texts, places in _originals(inner, inside, ~(inside.null | inside.empty)):
            yield texts, owners.take(places)


def slots_in(
    form: BoxForm, slots: int, column: Column, rows: Flags, *, names: bool = False
) -> Iterator[tuple[int, Column, Positions]]:
    """What is in each of so many slots of some values, NULL aside, and the rows of these; names of entries if wanted.

    Values that cannot be read are in the slot UNREAD.
    """
    left = np.flatnonzero(rows)
    if (taken := flat_of(form, column, left)) is not None:
        flat, marks = taken
        for slot in range(slots):
            own = flat.of_slot(slot, marks)
            yield slot, flat.inside(own), left.take(flat.owners(own))
        left = np.delete(left, flat.which)
    if not len(left):
        return
    found: dict[int, tuple[list[bytes], list[int]]] = {slot: ([], []) for slot in (*range(slots), UNREAD)}
    for row, text in texts_of(column, left):
        opened = _opened(form, text)
        if opened is None:
            inside = [(UNREAD, text)]
        else:
            of_values = zip(opened.slots, opened.values, strict=True)
            inside = [(slot, value) for slot, value in of_values if value is not None] + opened.names * names
        for slot, value in inside:
            found[slot][0].append(value)
            found[slot][1].append(row)
    for slot, (values, owners) in found.items():
        yield slot, elements(values), np.array(owners, np.int64)


def _opened(form: BoxForm, text: bytes) -> Opened | None:
    """A value taken apart; None where it cannot be, or is too long to be."""
    try:
        return form.open(text) if len(text) <= OPENED else None
    except NotAsWritten:
        return None


def flat_of(form: BoxForm, column: Column, rows: Positions) -> tuple[Flat, Marks] | None:
    """Those of some values that are written plainly, taken apart; None where the type has no such values."""
    starts, ends = column.values.starts.take(rows), column.values.ends.take(rows)
    if form.marks is None or not len(rows) or int((ends - starts).sum()) > LONGEST:
        return None
    return read_flat(form.marks, Values(column.values.buffer, starts, ends)), form.marks


def texts_of(column: Column, rows: Positions) -> Iterator[tuple[int, bytes]]:
    """The index of each of some rows, and its value as the server holds it."""
    values = column.values
    view = values.buffer.data
    starts, ends = values.starts.take(rows).tolist(), values.ends.take(rows).tolist()
    for row, start, end in zip(rows.tolist(), starts, ends, strict=True):
        yield row, decode(bytes(view[start:end]))


def elements(values: Iterable[bytes | None]) -> Column:
    """Values as a column of COPY text; None is NULL."""
    some = list(values)
    text = b"".join([value + b"\n" for value in some if value is not None])
    if None in some or _ESCAPES.search(text) or text.count(b"\n") != len(some):
        text = b"".join([NULL + b"\n" if value is None else encode(value) + b"\n" for value in some])
    block = np.frombuffer(text, np.uint8)
    return Column.of(block, separators(block, 1), 0)


def texts_from(parts: Sequence[list[bytes]]) -> list[bytes | None]:
    """What COPY text in several parts stands for, value by value; None is NULL."""
    whole = parts[0] if len(parts) == 1 else [b"".join(pieces) for pieces in zip(*parts, strict=True)]
    return [None if text == NULL else decode(text) for text in whole]
