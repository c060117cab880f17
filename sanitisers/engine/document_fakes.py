"""What stands in place of a value inside a document: JSON in COPY text, with quotes where it is a string."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from sanitisers.engine.copy_text import encode
from sanitisers.engine.dates import ENDLESS, shift
from sanitisers.engine.fakes import Fakes, Taken, joined, pool
from sanitisers.engine.noise import move
from sanitisers.engine.prf import ColumnCmac, Keyed
from sanitisers.engine.redacting import DocumentRedaction
from sanitisers.engine.values import Values, texts_of

if TYPE_CHECKING:
    from sanitisers.engine.grid import Pieces
    from sanitisers.families.form import Form

_QUOTE = pool([b'"'])
_NULL = b"null"


class KeyedFakes(Protocol):
    """Makes what stands in place of values by a keyed function of a text for each."""

    @property
    def cmac(self) -> ColumnCmac:
        """The keyed function."""

    def made(self, originals: Values, keyed: Keyed) -> Taken:
        """The JSON for each original, given its keyed numbers."""


class DocumentFakes:
    """The fakes of a form as JSON strings in COPY text.

    Attributes:
        cmac: the keyed function.
        entries: all fakes there are, where each is one entry of a pool; else none.
        pick: how one of these is picked; None where there are none.
    """

    def __init__(self, form: Form, cmac: ColumnCmac) -> None:
        """Take the form, and the keyed function."""
        self.cmac = cmac
        self._fakes, self.entries = _fakes_of(form)
        self.pick = self._fakes.pick

    def made(self, originals: Values, keyed: Keyed) -> Taken:
        """See KeyedFakes."""
        parts = self._fakes.parts(keyed, originals.ends - originals.starts)
        if len(self.entries):
            return Taken(self.entries, parts[0].indexes)
        quote = Taken(_QUOTE, np.zeros(len(originals.starts), np.int64))
        return joined([quote, *parts, quote])


@lru_cache(maxsize=64)
def _fakes_of(form: Form) -> tuple[Fakes, Pieces]:
    """The fakes of a form; and those that are one entry of a pool, with their quotes on."""
    fakes = Fakes(form, _json_escape)
    return fakes, pool([b'"%b"' % text for text in fakes.entries])


def _json_escape(text: str) -> bytes:
    return encode(msgspec.json.encode(text)[1:-1])


@dataclass(frozen=True, slots=True)
class DocumentDates:
    """Strings that begin with a date, which moves; what is none becomes null."""

    cmac: ColumnCmac
    days: int

    def made(self, originals: Values, keyed: Keyed) -> Taken:
        """See KeyedFakes."""
        shifted = shift(originals, keyed, self.days)
        quote = Taken(_QUOTE, np.zeros(len(originals.starts), np.int64))
        dates = joined([quote, *shifted.parts, quote])
        if not len(shifted.dayless):
            return dates
        texts = [text.tobytes() for text in texts_of(originals, shifted.dayless)]
        others = pool([b'"%b"' % text if text in ENDLESS else _NULL for text in texts])
        indexes = dates.indexes.copy()
        indexes[shifted.dayless] = len(dates.array) + np.arange(len(others))
        return Taken(pa.concat_arrays([dates.array, others]), indexes)


@dataclass(frozen=True, slots=True)
class DocumentNumbers:
    """Numbers that move; what is none becomes null."""

    cmac: ColumnCmac
    percent: float

    def made(self, originals: Values, keyed: Keyed) -> Taken:
        """See KeyedFakes."""
        chances = keyed.low.tolist()
        texts = texts_of(originals, np.arange(len(originals.starts)))
        moved = [move(text.tobytes(), chance, self.percent, None) for text, chance in zip(texts, chances, strict=True)]
        return Taken(pool([_number(text) for text in moved]), np.arange(len(moved)))


def _number(text: bytes | None) -> bytes:
    """Digits as JSON has them: without zeros before, without a name for what is none."""
    if text is None or not text[-1:].isdigit():
        return _NULL
    sign, digits = (b"-", text[1:]) if text.startswith(b"-") else (b"", text)
    whole, dot, decimals = digits.partition(b".")
    return sign + (whole.lstrip(b"0") or b"0") + dot + decimals


LeafFakes: TypeAlias = KeyedFakes | DocumentRedaction


def fakes_of(family: LeafFakes, originals: Values, deciding: Values) -> Taken:
    """The JSON for each original, which the text of the same index in `deciding` decides."""
    if isinstance(family, DocumentRedaction):
        return family.pieces(originals, deciding)
    return family.made(originals, Keyed.of(family.cmac, deciding))
