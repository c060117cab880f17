"""JSON documents a block at a time: for those written plainly, the same outcome as the walk gives.

Tokens, values, keys and what becomes of each are found for all documents together. What goes on is then a
sequence of pieces: kept bytes as they are written, fakes, and the brackets, keys and commas between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.copy_text import decode, encode
from sanitisers.engine.document_families import Families
from sanitisers.engine.document_nodes import (
    AS_IT_IS,
    COLON,
    COMMA,
    CONSTANTS,
    FAKE,
    NOTHING,
    Decided,
    decide,
    siblings,
)
from sanitisers.engine.document_rules import LEAVES, Leaf, Rules
from sanitisers.engine.document_spans import originals, show
from sanitisers.engine.document_texts import together
from sanitisers.engine.fakes import Taken, pool, runs_of
from sanitisers.engine.grid import binary_array, buffer_of, end_to_end
from sanitisers.engine.json_nesting import read_values
from sanitisers.engine.json_tokens import Documents, Unsure, may_begin, read_tokens
from sanitisers.engine.redacting import Redacted
from sanitisers.engine.tally import SAMPLES
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.document_fakes import LeafFakes
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Pieces
    from sanitisers.engine.values import Bytes, Positions
    from sanitisers.engine.watch import DocumentWatch


@dataclass(frozen=True, slots=True)
class Fake:
    """A fake that was written.

    Attributes:
        leaf: index of the leaf.
        document: index of the document.
        text: as JSON.
    """

    leaf: int
    document: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """What becomes of the documents that are written plainly.

    Attributes:
        plain: indexes of these documents among all.
        documents: what becomes of them, in COPY text.
        counts: how many fakes each leaf has.
        samples: the first SAMPLES of each leaf that is wanted.
    """

    plain: Indexes
    documents: Pieces
    counts: Indexes
    samples: list[Fake]


class BlockWriter:
    """Writes what becomes of the documents of a block."""

    def __init__(self, rules: Rules, leaves: Sequence[Leaf], families: Sequence[LeafFakes]) -> None:
        """Take the rules, their leaves, and the families in the order of their indexes."""
        self._rules, self._families = rules, Families(families)
        keys = rules.written_keys()
        self._first_key = len(CONSTANTS)
        self._first_leaf = self._first_key + len(keys)
        self._constants = pool([*CONSTANTS, *keys, *(encode(leaf.constant) for leaf in leaves)])
        self._family_of = np.array([-1 if leaf.family is None else leaf.family for leaf in leaves], np.int64)

    def write(
        self,
        text: Bytes,
        starts: Positions,
        ends: Positions,
        watch: DocumentWatch | None = None,
        words: Sequence[bytes] = (),
        wanted: Sequence[int] = (),
    ) -> Written:
        """What becomes of those documents at these places that are written plainly; they are shown to the watch.

        Where a leaf wants them, `words` are those of the row of each document. There are samples of leaves `wanted`.
        """
        plain = np.flatnonzero(may_begin(text, starts, ends) & self._rules.for_blocks)
        while len(plain):
            values = end_to_end(Values(text, starts.take(plain), ends.take(plain)))
            documents = Documents(values.buffer, np.append(values.starts, values.ends[-1]))
            try:
                decided = decide(self._rules, documents, read_values(documents, read_tokens(documents)))
            except Unsure as unsure:
                plain = plain[~unsure.documents]
            else:
                return self._written(plain, decided, watch, words, wanted)
        return Written(plain, pool([]), np.zeros(len(self._family_of), np.int64), [])

    def _written(
        self,
        plain: Indexes,
        decided: Decided,
        watch: DocumentWatch | None,
        words: Sequence[bytes],
        wanted: Sequence[int],
    ) -> Written:
        pieces = _Pieces([self._constants, *self._families.pools])
        slots = np.full((len(decided.actions), 2 if len(decided.strangers) == 0 else 4), NOTHING, np.int64)
        slots[:, -1] = decided.actions
        self._place_keys(slots, decided, pieces)
        values = decided.values
        kept = np.flatnonzero(decided.actions == AS_IT_IS)
        slots[kept, -1] = pieces.add(decided.documents.text, values.starts.take(kept), values.ends.take(kept))
        faked = np.flatnonzero(decided.actions == FAKE)
        leaves = decided.nodes.take(faked) - LEAVES
        found = show(self._rules, decided, plain, faked, watch) if watch else originals(decided, faked)
        rows = plain.take(decided.documents.around(values.starts.take(faked))) if self._rules.own else faked
        deciding = self._deciding(decided, faked, leaves, found)
        if self._rules.own:
            deciding = _with_words(deciding, leaves, self._rules.own, rows, words)
        fakes, redacted = self._place_fakes(found, deciding, leaves, pieces)
        slots[faked, -1] = fakes
        counts = np.bincount(leaves, minlength=len(self._family_of))
        for one, own in redacted:
            counts -= one.unchanged(leaves.take(own), len(counts))
            if watch:
                one.show(leaves.take(own), watch.rows_of(rows.take(own)), watch.remains)
        order = slots.reshape(-1)
        used = np.flatnonzero(order != NOTHING)
        combined = pieces.combined()
        taken = combined.take(pa.array(order.take(used), pa.int64()))
        outermost = values.brackets.opens[: values.brackets.levels[1]]
        firsts = np.searchsorted(used, outermost * slots.shape[1])
        documents = runs_of(taken, np.append(firsts, len(used)))
        # Some hold what was there.
        shown = _firsts(leaves, [leaf for leaf in wanted if leaf not in self._rules.unshown])
        texts = combined.take(pa.array(fakes.take(shown), pa.int64())).to_pylist()
        holders = plain.take(np.searchsorted(outermost, faked.take(shown), "right") - 1)
        samples = [
            Fake(leaf, holder, decode(cast("bytes", fake)))
            for leaf, holder, fake in zip(leaves.take(shown).tolist(), holders.tolist(), texts, strict=True)
        ]
        return Written(plain, documents, counts, samples)

    def _place_keys(self, slots: Indexes, decided: Decided, pieces: _Pieces) -> None:
        """Write the keys of members and the commas between items: into the first slot, or where a key is not known
        into the first three."""
        later, members, values = decided.later, decided.members, decided.values
        slots[members, 0] = self._first_key + 2 * decided.keys.take(members) + later.take(members)
        slots[np.flatnonzero(later & ~values.keyed), 0] = COMMA
        if len(strangers := decided.strangers):
            slots[strangers, 0] = np.where(later.take(strangers), COMMA, NOTHING)
            slots[strangers, 1] = pieces.add(
                decided.documents.text, values.key_starts.take(strangers), values.key_ends.take(strangers)
            )
            slots[strangers, 2] = COLON

    def _deciding(self, decided: Decided, faked: Indexes, leaves: Indexes, found: Values) -> Values:
        """The text that decides each fake: the original, or what another key of its object has."""
        places = np.full(len(faked), -1, np.int64)
        for leaf, keys in self._rules.by.items():
            own = np.flatnonzero(leaves == leaf)
            if len(own):
                places[own] = siblings(decided, faked.take(own), keys)
        having = np.flatnonzero(places >= 0)
        if not len(having):
            return found
        places = places.take(having)
        # Most of these have fakes of their own, so that their originals are there.
        among = np.full(len(decided.actions), -1, np.int64)
        among[faked] = np.arange(len(faked))
        others = np.flatnonzero(among.take(places) < 0)
        texts = found
        if len(others):
            different = np.unique(places.take(others))
            among[different] = len(faked) + np.arange(len(different))
            texts = together(found, originals(decided, different))
        starts, ends = found.starts.copy(), found.ends.copy()
        starts[having], ends[having] = (edge.take(among.take(places)) for edge in (texts.starts, texts.ends))
        return Values(texts.buffer, starts, ends)

    def _place_fakes(
        self, originals: Values, deciding: Values, leaves: Indexes, pieces: _Pieces
    ) -> tuple[Indexes, list[tuple[Redacted, Indexes]]]:
        """The piece of each fake; and what was redacted, with the indexes of its originals."""
        found = self._first_leaf + leaves
        redacted: list[tuple[Redacted, Indexes]] = []
        for own, fakes in self._families.made(self._family_of.take(leaves), originals, deciding):
            if isinstance(fakes, Taken):
                found[own] = pieces.add_chosen(fakes)
            else:
                found[own] = len(self._constants) + fakes
            if isinstance(fakes, Redacted):
                redacted.append((fakes, own))
        return found, redacted


def _with_words(deciding: Values, leaves: Indexes, own: Sequence[int], rows: Indexes, words: Sequence[bytes]) -> Values:
    """What decides each fake; at leaves that what is in their rows decides, the words of these."""
    which = np.flatnonzero(np.isin(leaves, own))
    of_rows = Values.of(words)
    both = together(deciding, of_rows)
    starts, ends = deciding.starts.copy(), deciding.ends.copy()
    own_rows = rows.take(which) + len(starts)
    starts[which], ends[which] = both.starts.take(own_rows), both.ends.take(own_rows)
    return Values(both.buffer, starts, ends)


class _Pieces:
    """Arrays that pieces come from, end to end."""

    def __init__(self, arrays: list[Pieces]) -> None:
        self._arrays = arrays
        self._length = sum(map(len, arrays))

    def add(self, text: Bytes, starts: Positions, ends: Positions) -> Indexes:
        """The pieces of a text at these places, which are in order and apart."""
        edges = np.empty(2 * len(starts), np.int32)
        edges[0::2], edges[1::2] = starts, ends
        return self._base(binary_array(edges, buffer_of(text))) + 2 * np.arange(len(starts)) if len(starts) else starts

    def add_chosen(self, chosen: Taken) -> Indexes:
        """The pieces that were chosen from an array, which may be much larger than what was chosen."""
        if len(chosen.array) <= len(chosen.indexes):
            return self._base(chosen.array) + chosen.indexes
        return self._base(chosen.array.take(pa.array(chosen.indexes, pa.int64()))) + np.arange(len(chosen.indexes))

    def _base(self, array: Pieces) -> int:
        base = self._length
        self._arrays.append(array)
        self._length += len(array)
        return base

    def combined(self) -> Pieces:
        """All pieces as one array."""
        return pa.concat_arrays(self._arrays)


def _firsts(leaves: Indexes, wanted: Sequence[int]) -> Indexes:
    """Places of the first SAMPLES of each of the leaves wanted."""
    places = np.flatnonzero(np.isin(leaves, wanted)) if wanted else leaves[:0]
    leaves = leaves.take(places)
    order = np.argsort(leaves.astype(np.int16), kind="stable")
    ordered = leaves.take(order)
    early = np.ones(len(order), np.bool_)
    early[SAMPLES:] = ordered[SAMPLES:] != ordered[:-SAMPLES]
    return places.take(order[early])
