"""JSON documents, exactly by path: kept values are copied as they are written, all others made anew.

What is kept goes on byte for byte, so that digits (`1.10`), escapes and the order of keys survive; only the
blanks between the members of the objects taken apart are written anew. Most documents are worked off together
(`document_blocks`); those not written plainly one by one (`document_walk`), with the same outcome.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.copy_text import decode, encode
from sanitisers.engine.document_blocks import BlockWriter, Fake
from sanitisers.engine.document_fakes import fakes_of
from sanitisers.engine.document_rules import Branch, Leaf, Rules
from sanitisers.engine.document_texts import appended, strings_in
from sanitisers.engine.document_walk import BLANKS, Walk
from sanitisers.engine.fakes import Taken, pool
from sanitisers.engine.raw_json import NotJson, read_scalar
from sanitisers.engine.redacting import Redacted, words_of
from sanitisers.engine.refused import ValueUnfit
from sanitisers.engine.tally import SAMPLES, Tally
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.document_fakes import LeafFakes
    from sanitisers.engine.edits import Seen
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Pieces
    from sanitisers.engine.redacting import Own
    from sanitisers.engine.watch import DocumentWatch


class DocumentEdit:
    """The documents of a column, by path."""

    spares_null = True
    spares_empty = True
    shows = False
    needs = ()

    def __init__(
        self,
        column: str,
        root: Branch,
        leaves: Sequence[Leaf],
        families: Sequence[LeafFakes],
        kept: Sequence[str],
        only_with: str | None = None,
        own: Sequence[Own] = (),
    ) -> None:
        """Take all leaves below the root in the order of their indexes, the families and what is kept in theirs.

        `own` are the columns beside it whose originals are taken out of what is redacted.
        """
        self.leaves, self.kept = leaves, kept
        self._column = column
        self._root = root
        self._families = families
        self._only_with = only_with
        self._own = own
        self._redacts = any(leaf.own for leaf in leaves)
        self._writer = BlockWriter(Rules(root, leaves, only_with), leaves, families)

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        values = seen.column.values
        rows = np.flatnonzero(seen.rows)
        starts, ends = values.starts.take(rows), values.ends.take(rows)
        words = words_of(seen, self._own) if self._redacts else []
        watch = seen.watch.in_rows(seen.origins, rows) if seen.watch else None
        wanted = [leaf.index for leaf in self.leaves if seen.tally.wants(leaf.path)]
        written = self._writer.write(values.buffer, starts, ends, watch, words, wanted)
        for leaf, count in zip(self.leaves, written.counts.tolist(), strict=True):
            seen.tally.count(leaf.path, count)
        samples = list(written.samples)
        others = np.delete(np.arange(len(rows)), written.plain)
        if not len(others):
            self._show(samples, seen.tally)
            return [Taken(written.documents, np.arange(len(rows)))]
        walked = self._walked(Values(values.buffer, starts, ends), rows, others, samples, seen, watch, words)
        self._show(samples, seen.tally)
        indexes = np.empty(len(rows), np.int64)
        indexes[np.append(written.plain, others)] = np.arange(len(rows))
        return [Taken(pa.concat_arrays([written.documents, walked]), indexes)]

    def _walked(
        self,
        values: Values,
        rows: Indexes,
        others: Indexes,
        samples: list[Fake],
        seen: Seen,
        watch: DocumentWatch | None,
        words: Sequence[bytes],
    ) -> Pieces:
        """What becomes of the other documents, one by one."""
        walk = Walk(len(self.leaves))
        edges = [0]
        view = values.buffer.data
        places = zip(others.tolist(), values.starts[others].tolist(), values.ends[others].tolist(), strict=True)
        for index, start, end in places:
            try:
                walk.document(self._root, self._only_with, decode(bytes(view[start:end])).strip(BLANKS))
            except (NotJson, IndexError):
                raise ValueUnfit(int(rows[index]), self._column, "the value is not JSON") from None
            except RecursionError:
                raise ValueUnfit(int(rows[index]), self._column, "the JSON is too deeply nested") from None
            edges.append(len(walk.parts))
        if watch:
            _show_walked(walk, edges, others, watch)
        holders = others[np.searchsorted(edges, np.arange(len(walk.parts)), "right") - 1]
        for index in (leaf.index for leaf in self.leaves if leaf.own):
            walk.deciding[index] = [words[holders[slot]] for slot in walk.slots[index]]
        self._fill(walk, holders, seen.tally, watch)
        for leaf, slots in zip(self.leaves, walk.slots, strict=True):
            seen.tally.count(leaf.path, len(slots))
            for slot in slots[: SAMPLES if leaf.shows else 0]:
                index = int(others[bisect_right(edges, slot) - 1])
                samples.append(Fake(leaf.index, index, bytes(walk.parts[slot])))
        return pool([encode(b"".join(walk.parts[a:b])) for a, b in pairwise(edges)])

    def _fill(self, walk: Walk, holders: Indexes, tally: Tally, watch: DocumentWatch | None) -> None:
        """Put the fakes where they go: one call a family, for all its leaves together.

        `holders` are the documents of the parts.
        """
        for index, family in enumerate(self._families):
            leaves = [leaf.index for leaf in self.leaves if leaf.family == index]
            originals = [original for leaf in leaves for original in walk.originals[leaf]]
            if not originals:
                continue
            slots = [slot for leaf in leaves for slot in walk.slots[leaf]]
            deciding = [text for leaf in leaves for text in walk.deciding[leaf]]
            fakes = fakes_of(family, Values.of(originals), Values.of(deciding))
            texts = fakes.array.take(pa.array(fakes.indexes, pa.int64())).to_pylist()
            for slot, text in zip(slots, texts, strict=True):
                walk.parts[slot] = decode(cast("bytes", text))
            if isinstance(fakes, Redacted):
                of_slots = np.array([leaf for leaf in leaves for _ in walk.slots[leaf]], np.int64)
                for of_leaf, count in enumerate(fakes.unchanged(of_slots, len(self.leaves)).tolist()):
                    tally.count(self.leaves[of_leaf].path, -count)
                if watch:
                    fakes.show(of_slots, watch.rows_of(holders.take(slots)), watch.remains)
        for leaf in self.leaves:
            if leaf.family is None:
                for slot in walk.slots[leaf.index]:
                    walk.parts[slot] = leaf.constant

    def _show(self, samples: list[Fake], tally: Tally) -> None:
        """Note the first fakes of each leaf, in the order of the documents."""
        shown: Counter[int] = Counter()
        for fake in sorted(samples, key=lambda fake: fake.document):
            shown[fake.leaf] += 1
            if shown[fake.leaf] <= SAMPLES:
                tally.show(self.leaves[fake.leaf].path, str(read_scalar(fake.text)))


def _show_walked(walk: Walk, edges: list[int], which: Indexes, watch: DocumentWatch) -> None:
    """What `document_spans.show` does, for documents that were taken apart one by one."""
    texts = [(watch.leaves[leaf], text) for leaf, originals in enumerate(walk.originals) for text in originals]
    slots = [slot for of_leaf in walk.slots for slot in of_leaf]
    nulled = [(slot, text) for slot, raw in walk.nulled for text in strings_in(raw)]
    texts += [(watch.nulled, text) for _, text in nulled]
    slots += [slot for slot, _ in nulled]
    rows = watch.rows_of(which.take(np.searchsorted(edges, slots, "right") - 1))
    texts += [(watch.kept[node], text) for node, raw in walk.kept for text in strings_in(bytes(raw))]
    names = [(watch.kept[node] if node >= 0 else watch.keys, name) for node, name in walk.names]
    texts += [(place, name.encode("utf-8", "replace")) for place, name in names]  # half of a surrogate pair has none
    places = np.array([place for place, _ in texts], np.int64)
    rows = np.append(rows, np.zeros(len(texts) - len(rows), np.int64))  # of what stays nobody wants to know
    watch.check.look(appended(Values.of([]), [text for _, text in texts]), places, rows)
