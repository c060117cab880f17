"""What tells a person in a text, as keyed hashes: e-mail addresses, long numbers, and short texts as a whole.

Nothing else of a value is remembered, and without the key of the run nobody can test a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.emails import find_emails, with_ats
from sanitisers.engine.grid import end_to_end
from sanitisers.engine.numbers import alone_or_dialled, find_numbers, plain_digits
from sanitisers.engine.plain_characters import in_plain_bytes
from sanitisers.engine.prf import ColumnCmac
from sanitisers.engine.values import Values
from sanitisers.engine.whole_values import BLANK, find_whole, small

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions, Words

EMAIL, DIALLED, WHOLE, BARE = range(4)
KINDS = ("e-mail address", "telephone number", "text", "number")
_LENGTH = 60
"""The bit of a number's hash from which on it says how many digits there are."""
MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Traces:
    """What was found in many values.

    Attributes:
        hashes: keyed, 64 bits each; see `digits_of` for those of numbers.
        owners: the index of the value that each was found in.
        kinds: EMAIL, DIALLED, WHOLE or BARE, which are numbers that are not surely telephone numbers.
        telling: which tell somebody where they stand in what a rule replaces: all but numbers in the midst of a text
            that are not written as telephone numbers are. These are the ids and amounts that prose is full of.
    """

    hashes: Words
    owners: Positions
    kinds: Positions
    telling: Flags


def find_traces(cmac: ColumnCmac, values: Values, as_whole: Positions | None = None) -> Traces:
    """All traces in values that are in the order of their starts, and have something else than digits between them.

    Where `as_whole` is given, only the values with these indexes are also taken as a whole.
    """
    values = with_ats(in_plain_bytes(_without_padding(values)))
    emails, numbers = find_emails(values), find_numbers(values)
    as_whole = np.arange(len(values.starts)) if as_whole is None else as_whole
    small_ones = Values(small(values.buffer), values.starts, values.ends)
    whole, texts = find_whole(small_ones, as_whole)
    digits, dialled = plain_digits(values, numbers)
    addresses_and_texts = Values(
        texts.buffer, np.append(emails.starts, texts.starts), np.append(emails.ends, texts.ends)
    )
    hashes, of_numbers = (_hashes(cmac, each) for each in (addresses_and_texts, digits))
    lengths = np.minimum(digits.ends - digits.starts, MOST_DIGITS).astype(np.uint64)
    of_numbers &= np.uint64((1 << _LENGTH) - 1)
    of_numbers |= lengths << np.uint64(_LENGTH)
    found = [len(emails.owners), len(whole), len(numbers.owners)]
    return Traces(
        np.append(hashes, of_numbers),
        np.concatenate((emails.owners, whole, numbers.owners)),
        np.append(np.repeat([EMAIL, WHOLE], found[:2]), np.where(dialled, DIALLED, BARE)),
        np.append(np.ones(len(hashes), np.bool_), alone_or_dialled(values, numbers)),
    )


def _hashes(cmac: ColumnCmac, values: Values) -> Words:
    return cmac.tags(values).view("<u8")[:, 0].copy()


def _without_padding(values: Values) -> Values:
    """The values without blanks at their ends, such as those of the type character(n)."""
    text, starts, ends = values.buffer, values.starts, values.ends
    padded = np.flatnonzero((ends > starts) & (text.take(ends - 1) == BLANK))
    if not len(padded):
        return values
    texts = end_to_end(Values(text, starts.take(padded), ends.take(padded)))
    others = np.append(-1, np.flatnonzero(texts.buffer != BLANK))
    behind = others.take(np.searchsorted(others, texts.ends) - 1) + 1
    ends = ends.copy()
    ends[padded] -= texts.ends - np.maximum(behind, texts.starts)
    return Values(text, starts, ends)


def digits_of(hashes: Words) -> Words:
    """How many digits the numbers with these hashes have; of more than MOST_DIGITS this many."""
    digits: Words = hashes >> np.uint64(_LENGTH)
    return digits
