"""Flat boxes put together again, all of a block at once, with other elements in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.alphabets import table_of
from sanitisers.engine.copy_text import NULL, decode, encode
from sanitisers.engine.fakes import Taken, joined, pool, runs_of
from sanitisers.engine.flat_boxes import ODD, is_null_word
from sanitisers.engine.grid import binary_array, buffer_of
from sanitisers.engine.spans import count_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.box_text import BoxForm
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.flat_boxes import Flat, Marks
    from sanitisers.engine.grid import Pieces

_NOTHING, _OPENING, _BETWEEN, _CLOSING, _QUOTE = -1, 0, 1, 2, 3
_ODD = table_of(ODD)


class FlatWriting:
    """What becomes of the elements of flat boxes."""

    def __init__(self, form: BoxForm, marks: Marks, flat: Flat) -> None:
        """Take the boxes; until something is put into the place of an element, it stays as it is."""
        self._form, self._marks, self._flat = form, marks, flat
        constants = pool([*(marks.around[place : place + 1] for place in range(3)), b'"'])
        self._arrays: list[Pieces] = [constants]
        self._length = len(constants)
        count = len(flat.starts)
        # What stands before each element, its quotes and itself, and what stands behind the last of a box.
        self._order = np.full((count, 5), _NOTHING, np.int64)
        self._order[:, 0] = _BETWEEN
        self._order[flat.firsts, 0] = _OPENING
        self._order[np.append(flat.firsts[1:], count) - 1 if len(flat.firsts) else [], 4] = _CLOSING
        edges = np.empty(2 * count, np.int32)
        edges[0::2], edges[1::2] = flat.starts, flat.ends
        if count:
            self._order[:, 2] = self._base(binary_array(edges, buffer_of(flat.text))) + 2 * np.arange(count)

    def put(self, own: Indexes, found: Sequence[Taken]) -> None:
        """Put what an edit made, in COPY text, into the places of some elements."""
        whole = found[0] if len(found) == 1 else joined(found)
        made = cast("pa.BinaryArray", whole.array.take(pa.array(whole.indexes, pa.int64())).cast(pa.binary()))
        values = self._base(made) + np.arange(len(own))
        _, buffer, data = made.buffers()
        assert buffer is not None
        edges = np.frombuffer(memoryview(buffer), np.int32)[made.offset : made.offset + len(made) + 1].astype(np.int64)
        text = np.frombuffer(memoryview(data), np.uint8) if data is not None else np.empty(0, np.uint8)
        starts, ends = edges[:-1], edges[1:]
        special = np.flatnonzero(self._marks.special().take(text))
        quoted = (count_between(special, starts, ends) > 0) | (starts == ends)
        if self._marks.word:
            quoted |= is_null_word(text, starts, ends - starts)
        odd = np.flatnonzero(count_between(special[_ODD.take(text.take(special))], starts, ends))
        if len(odd):
            values[odd] = self._base(pool(self._written(made, odd))) + np.arange(len(odd))
            quoted[odd] = False
        self._order[own, 1] = self._order[own, 3] = np.where(quoted, _QUOTE, _NOTHING)
        self._order[own, 2] = values

    def _written(self, made: Pieces, odd: Indexes) -> list[bytes]:
        """Texts with quotes, backslashes or other escapes in them, and NULL, one by one."""
        texts = cast("list[bytes]", made.take(pa.array(odd, pa.int64())).to_pylist())
        done: dict[bytes, bytes] = {}
        for text in texts:
            if text not in done:
                done[text] = encode(self._form.write(None if text == NULL else decode(text)))
        return [done[text] for text in texts]

    def boxes(self) -> Pieces:
        """The boxes in COPY text."""
        order = self._order.reshape(-1)
        used = np.flatnonzero(order != _NOTHING)
        taken = pa.concat_arrays(self._arrays).take(pa.array(order.take(used), pa.int64()))
        firsts = np.searchsorted(used, self._flat.firsts * self._order.shape[1])
        return runs_of(taken, np.append(firsts, len(used)))

    def _base(self, array: Pieces) -> int:
        base = self._length
        self._arrays.append(array)
        self._length += len(array)
        return base
