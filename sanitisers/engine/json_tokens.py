"""JSON documents as tokens, a block of them at once, straight from COPY text.

The documents lie end to end. What is outside their strings is little, so it is lifted out first and looked at
byte by byte; everything else here works on the tokens found there. Nothing is guessed: a document that breaks
the grammar, or that is written in a way these kernels do not know for certain, is named as one to be read
another way (`Unsure`), and no token of it is to be trusted.

In COPY text a backslash of JSON is two bytes, and a tab, a newline or a carriage return between the tokens of
a document is a single backslash and a letter (PostgreSQL manual, COPY, "Text Format").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sanitisers.engine.grid import marked

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions

# Kinds of tokens. A closing bracket follows its opening one; up to STRING they are values, or the ends of them.
OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST, SCALAR, STRING, KEY, COMMA, COLON, STRANGE = range(1, 11)
BLANK = 0
LEAST = 32
"""Smaller bytes are control characters."""
QUOTE, BACKSLASH, LETTER_U = b'"\\u'


def _table(kinds: dict[bytes, int], default: int = 0) -> Bytes:
    table = np.full(256, default, np.uint8)
    for letters, kind in kinds.items():
        table[list(letters)] = kind
    return table


_KINDS = _table(
    {
        b" ": BLANK,
        b"{": OPEN_OBJECT,
        b"}": CLOSE_OBJECT,
        b"[": OPEN_LIST,
        b"]": CLOSE_LIST,
        b",": COMMA,
        b":": COLON,
        b'"': STRING,
        b"+-.0123456789Eaeflnrstu": SCALAR,
    },
    STRANGE,
)
_ESCAPED = _table({b'"/bfnrtu': 1}).astype(np.bool_)
_COPY_BLANKS = _table({b"nrt": 1}).astype(np.bool_)
_HEX = _table({b"0123456789abcdefABCDEF": 1}).astype(np.bool_)

_STARTS = (OPEN_OBJECT, OPEN_LIST, STRING, SCALAR)
_ENDS = (CLOSE_OBJECT, CLOSE_LIST, STRING, SCALAR)
_FOLLOWERS = {
    OPEN_OBJECT: (KEY, CLOSE_OBJECT),
    OPEN_LIST: (*_STARTS, CLOSE_LIST),
    KEY: (COLON,),
    COLON: _STARTS,
    COMMA: (KEY, *_STARTS),
    **dict.fromkeys(_ENDS, (COMMA, CLOSE_OBJECT, CLOSE_LIST)),
}
_MAY_FOLLOW = np.zeros(256, np.bool_)
for _first, _others in _FOLLOWERS.items():
    for _second in _others:
        _MAY_FOLLOW[_first << 4 | _second] = True

_read_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Unsure(Exception):
    """Some of the documents must be read another way.

    Attributes:
        documents: which.
    """

    def __init__(self, documents: Flags) -> None:
        self.documents = documents
        super().__init__()


@dataclass(frozen=True, slots=True)
class Documents:
    """COPY values end to end.

    Attributes:
        text: their bytes, and a few zeros.
        edges: where each begins; one more, where the last ends.
    """

    text: Bytes
    edges: Positions

    def holding(self, places: Positions) -> Flags:
        """Which documents hold any of these places."""
        found = np.zeros(len(self.edges) - 1, np.bool_)
        found[self.around(places)] = True
        return found

    def around(self, places: Positions) -> Positions:
        """The index of the document that holds each of these places."""
        return np.searchsorted(self.edges, places, "right") - 1


@dataclass(frozen=True, slots=True)
class Strings:
    """The strings of all documents, in order.

    Attributes:
        opens: their opening quotes.
        closes: their closing quotes.
        escaped: indexes of those that hold a backslash.
    """

    opens: Positions
    closes: Positions
    escaped: Positions


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of all documents, in order.

    Attributes:
        kinds: what they are.
        starts: where each begins.
        ends: where each ends; of brackets, commas and colons undefined.
        escaped: which are strings that hold a backslash; None where there is none.
    """

    kinds: Bytes
    starts: Positions
    ends: Positions
    escaped: Flags | None


def may_begin(text: Bytes, starts: Positions, ends: Positions) -> Flags:
    """Which values could be objects or lists from their first to their last byte."""
    first, last = text[starts] | 32, text[ends - 1] | 32  # brings the two kinds of brackets together
    found: Flags = (first == ord("{")) & (last == ord("}")) & (ends - starts > 1)
    return found


def read_tokens(documents: Documents) -> Tokens:
    """The tokens of documents that `may_begin`. Raises Unsure."""
    strings = find_strings(documents)
    outside = outside_strings(strings, int(documents.edges[-1]))
    letters = documents.text.take(outside)
    kinds = _KINDS.take(letters)
    _blank_escapes(letters, kinds)
    scalar = kinds == SCALAR
    before, after = np.zeros_like(scalar), np.zeros_like(scalar)
    before[1:], after[:-1] = scalar[:-1], scalar[1:]
    scalar_ends = outside.take(np.flatnonzero(scalar & ~after)) + 1
    _want_scalars(documents, letters, scalar, after, scalar_ends)
    found = np.flatnonzero((kinds != BLANK) & ~(scalar & before))
    kinds, starts = kinds.take(found), outside.take(found)
    kinds[:-1] += ((kinds[:-1] == STRING) & (kinds[1:] == COLON)).view(np.uint8)  # a string before a colon is a KEY
    _want_order(documents, kinds, starts)
    ends = np.empty(len(starts), np.int64)
    texts = np.flatnonzero((kinds - np.uint8(STRING)) < 2)  # and KEY
    ends[texts] = strings.closes + 1
    ends[np.flatnonzero(kinds == SCALAR)] = scalar_ends
    escaped = None
    if len(strings.escaped):
        escaped = np.zeros(len(starts), np.bool_)
        escaped[texts[strings.escaped]] = True
    return Tokens(kinds, starts, ends, escaped)


def find_strings(documents: Documents) -> Strings:
    """Where the strings are. Raises Unsure for documents with open strings, control characters or odd escapes."""
    text = documents.text[: documents.edges[-1]]
    if len(text) and text.min() < LEAST:
        raise Unsure(documents.holding(np.flatnonzero(text < LEAST)))
    marks = marked((text == QUOTE) | (text == BACKSLASH))
    quoting = text.take(marks) == QUOTE
    quotes = marks.take(np.flatnonzero(quoting))
    runs, lengths = runs_in(marks.take(np.flatnonzero(~quoting)))
    if len(runs):
        escaped = _escaped_quotes(documents, runs, lengths)
        if len(escaped):
            quotes = np.delete(quotes, np.searchsorted(quotes, escaped))
    odd = (np.diff(np.searchsorted(quotes, documents.edges)) & 1).astype(np.bool_)
    if odd.any():
        raise Unsure(odd)
    opens, closes = np.ascontiguousarray(quotes[0::2]), np.ascontiguousarray(quotes[1::2])
    return Strings(opens, closes, _escaped_strings(documents, opens, closes, runs, lengths))


def _escaped_strings(
    documents: Documents, opens: Positions, closes: Positions, runs: Positions, lengths: Positions
) -> Positions:
    """The strings that hold a backslash. Raises Unsure for documents with an escape of COPY's in a string."""
    if not len(runs) or not len(opens):
        return np.empty(0, np.int64)
    before = np.searchsorted(opens, runs) - 1
    inside = (before >= 0) & (runs < closes.take(before))
    control = inside & (lengths == 1)
    if control.any():
        raise Unsure(documents.holding(runs[control]))
    found = before.take(np.flatnonzero(inside))  # in order
    return found.take(np.flatnonzero(np.diff(found, prepend=-1)))


def runs_in(places: Positions) -> tuple[Positions, Positions]:
    """Where runs of neighbouring places begin, and how long they are."""
    if not len(places):
        return places, places
    firsts = np.append(0, np.flatnonzero(places[1:] != places[:-1] + 1) + 1)
    return places.take(firsts), np.diff(firsts, append=len(places))


def _escaped_quotes(documents: Documents, runs: Positions, lengths: Positions) -> Positions:
    """The quotes that are escaped. Raises Unsure for documents with an escape that JSON has not, or COPY's own."""
    text = documents.text
    behind = runs + lengths
    letters = text.take(behind)
    escaping = (lengths & 2) != 0  # an odd number of JSON's backslashes: the last one escapes what follows
    # COPY's own escapes are blanks between tokens, or nothing that JSON knows.
    bad = ((lengths & 1) != 0) & ~((lengths == 1) & _COPY_BLANKS.take(letters))
    bad |= escaping & ~_ESCAPED.take(letters)
    numbers = np.flatnonzero(escaping & (letters == LETTER_U))
    for digit in range(1, 5):
        bad[numbers] |= ~_HEX.take(text.take(behind.take(numbers) + digit))
    if bad.any():
        raise Unsure(documents.holding(runs[bad]))
    return behind.take(np.flatnonzero(escaping & (letters == QUOTE)))


def outside_strings(strings: Strings, size: int) -> Positions:
    """Every place outside the strings, and that of their opening quotes, which stand for them."""
    starts, ends = np.append(0, strings.closes + 1), np.append(strings.opens + 1, size)
    lengths = ends - starts
    found = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    found += np.arange(len(found))
    return found


def _blank_escapes(letters: Bytes, kinds: Bytes) -> None:
    """Make blanks of COPY's escapes outside the strings; any other backslash there is STRANGE."""
    escapes = np.flatnonzero(letters == BACKSLASH)
    escapes = escapes[_COPY_BLANKS.take(letters.take(escapes + 1))]
    kinds[escapes] = kinds[escapes + 1] = BLANK


def _want_scalars(documents: Documents, letters: Bytes, scalar: Flags, after: Flags, ends: Positions) -> None:
    """Raise Unsure for documents with what is neither a number nor true, false or null.

    All are read as one list, each with the byte before it made a comma. They hold no commas, brackets or blanks.
    """
    if not len(ends):
        return
    chosen = np.flatnonzero(scalar | after)
    together = np.where(scalar.take(chosen), letters.take(chosen), np.uint8(ord(",")))
    together[0] = ord("[")
    text = together.tobytes() + b"]"
    try:
        _read_raw(text)
    except msgspec.DecodeError:
        bad = [end for end, one in zip(ends.tolist(), text[1:-1].split(b","), strict=True) if not _is_scalar(one)]
        raise Unsure(documents.holding(np.array(bad) - 1)) from None


def _is_scalar(text: bytes) -> bool:
    try:
        _read_raw(b"[%b]" % text)
    except msgspec.DecodeError:
        return False
    return True


def _want_order(documents: Documents, kinds: Bytes, starts: Positions) -> None:
    """Raise Unsure for documents with a token that may not follow the one before it."""
    follows = _MAY_FOLLOW.take(kinds[:-1] << 4 | kinds[1:])
    follows[np.searchsorted(starts, documents.edges[1:-1]) - 1] = True  # the first of a document follows nothing
    if not follows.all():
        raise Unsure(documents.holding(starts[1:][~follows]))
