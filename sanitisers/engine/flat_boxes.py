"""Arrays of one dimension and composite values, all of a block at once, where they are written plainly.

Plainly means: no backslash, no quote inside of quotes, no bounds, and nothing that a server would not write. All other
values are left to the exact way (`array_text`, `record_text`), value by value, with the same outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.alphabets import table_of
from sanitisers.engine.grid import NEWLINE, PADDING, Column, end_to_end
from sanitisers.engine.spans import count_between
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions

ODD = b'"\\'
"""What an element that has it in it cannot just be put into quotes for."""
QUOTE, BACKSLASH = ODD
BLANKS = b" \t\n\v\f\r"
LONGEST = 1 << 25
"""Bytes of boxes that are read at once."""
_BLANK = table_of(BLANKS)
_SMALL = 0x20
"""The bit that tells small letters from capitals."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands around the elements of a box.

    Attributes:
        around: the byte before the first element, the one between two, and the one behind the last.
        fields: how many elements each box has; None where that may be any number.
        word: whether NULL is written as that word, and blanks have quotes; else NULL is nothing at all.
    """

    around: bytes
    fields: int | None
    word: bool

    def special(self) -> Flags:
        """For each byte whether an element that has it in it wants quotes."""
        return table_of(self.around + ODD + BLANKS)


@dataclass(frozen=True, slots=True)
class Flat:
    """Boxes that are written plainly, taken apart.

    Attributes:
        which: their indexes among all.
        text: where they lie.
        starts: of each element, quotes included.
        ends: of the same.
        quoted: which elements have quotes.
        null: which are none: NULL, or all there is of an empty array.
        firsts: index of the first element of each box; it has one at least.
        places: of each element, in its box.
    """

    which: Positions
    text: Bytes
    starts: Positions
    ends: Positions
    quoted: Flags
    null: Flags
    firsts: Positions
    places: Positions

    def inside(self, own: Positions) -> Column:
        """Some of the elements, none of which is NULL, as a column."""
        quoted = self.quoted.take(own)
        spans = Values(self.text, self.starts.take(own) + quoted, self.ends.take(own) - quoted)
        values = end_to_end(spans, apart=1)
        values.buffer[values.ends] = NEWLINE
        return Column(values, np.zeros(len(own), np.bool_), values.starts == values.ends)

    def of_slot(self, slot: int, marks: Marks) -> Positions:
        """The indexes of the elements of one slot that are not NULL."""
        return np.flatnonzero(~self.null if marks.fields is None else ~self.null & (self.places == slot))

    def owners(self, own: Positions) -> Positions:
        """The index, among all, of the box that each element is in."""
        return self.which.take(np.searchsorted(self.firsts, own, "right") - 1)


def read_flat(marks: Marks, values: Values) -> Flat:
    """Take apart the values, in COPY text, that are written plainly."""
    boxes = end_to_end(values)
    text, count = boxes.buffer, len(boxes.starts)
    opening, _, closing = marks.around
    known = table_of(marks.around + ODD)
    found = np.flatnonzero(known.take(text[: len(text) - PADDING]))
    kinds = text.take(found)
    owners = np.searchsorted(boxes.starts, found, "right") - 1
    quotes = found[kinds == QUOTE]
    unsure = (count_between(quotes, boxes.starts, boxes.ends) & 1).astype(np.bool_)
    unsure[owners[kinds == BACKSLASH]] = True
    within = np.searchsorted(quotes, found) - np.searchsorted(quotes, boxes.starts).take(owners)
    outer = np.flatnonzero((within & 1 == 0) & (kinds != QUOTE) & (kinds != BACKSLASH))
    found, kinds, owners = found.take(outer), kinds.take(outer), owners.take(outer)
    # Of what is outside quotes the first is the only opening one, and the last the only closing one.
    for mark, edges in ((opening, boxes.starts), (closing, boxes.ends - 1)):
        own = kinds == mark
        unsure |= (np.bincount(owners[own], minlength=count) != 1) | (text.take(edges, mode="clip") != mark)
    plain = np.flatnonzero(~unsure.take(owners))
    found, kinds, owners = found.take(plain), kinds.take(plain), owners.take(plain)
    begins = np.flatnonzero(kinds != closing)
    starts, ends, owners = found.take(begins) + 1, found.take(begins + 1), owners.take(begins)
    quoted, null, wrong = _elements(marks, text, starts, ends, quotes)
    unsure[owners[wrong]] = True
    if marks.fields is not None:
        unsure |= np.bincount(owners, minlength=count) != marks.fields
    sure = np.flatnonzero(~unsure.take(owners))
    owners = owners.take(sure)
    which = np.flatnonzero(~unsure)
    firsts = np.searchsorted(owners, which)
    places = np.arange(len(owners)) - firsts.take(np.searchsorted(which, owners))
    return Flat(which, text, starts.take(sure), ends.take(sure), quoted.take(sure), null.take(sure), firsts, places)


def _elements(
    marks: Marks, text: Bytes, starts: Positions, ends: Positions, quotes: Positions
) -> tuple[Flags, Flags, Flags]:
    """Which elements have quotes around them, which are NULL, and which are not written plainly."""
    inside, lengths = count_between(quotes, starts, ends), ends - starts
    bare = inside == 0
    quoted = (inside == 2) & (text.take(starts) == QUOTE) & (text.take(ends - 1) == QUOTE)
    blanks = np.flatnonzero(_BLANK.take(text))
    wrong = ~quoted & (~bare | (count_between(blanks, starts, ends) > 0))
    nothing = bare & (lengths == 0)
    if not marks.word:
        return quoted, nothing, wrong
    hollow = nothing & (text.take(starts - 1) == marks.around[0]) & (text.take(ends) == marks.around[-1])
    wrong |= nothing & ~hollow
    return quoted, hollow | (bare & is_null_word(text, starts, lengths)), wrong


def is_null_word(text: Bytes, starts: Positions, lengths: Positions) -> Flags:
    """Which of these texts are the word NULL, in capitals or small letters."""
    word: Flags = lengths == len("null")
    found = np.flatnonzero(word)
    for place, letter in enumerate(b"null"):
        found = found[(text.take(starts.take(found) + place) | _SMALL) == letter]
    word[:] = False
    word[found] = True
    return word
