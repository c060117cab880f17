"""JSON documents, exactly by path: kept values are copied as they are written, all others made anew.

A document is taken apart one level at a time, only where rules look inside. What is kept goes on byte for
byte, so that digits (`1.10`), escapes and the order of keys survive; only the blanks between the members of
the objects taken apart are written anew. Of a key that comes twice the last value counts, as for PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from sanitisers.engine.copy_text import decode, encode
from sanitisers.engine.fakes import Chosen, Fakes, pool
from sanitisers.engine.prf import ColumnCmac, Keyed, Values
from sanitisers.engine.raw_json import NotJson, Raw, read_list, read_object, read_scalar, written
from sanitisers.engine.tally import SAMPLES, Tally
from sanitisers.families.form import Form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.edits import Seen

_BLANKS = b" \t\n\r"
_QUOTE, _BRACKET, _BRACE, _LETTER_N = b'"[{n'
_EMPTY = len(b'""')
_read_strings = msgspec.json.Decoder(list[str]).decode
_read_text = msgspec.json.Decoder(str).decode


class DocumentRefused(Exception):
    """A value is not JSON.

    Attributes:
        row: its index in the block, from 0.
        column: its column.
        what: what is wrong.
    """

    def __init__(self, row: int, column: str, what: str) -> None:
        self.row, self.column, self.what = row, column, what
        super().__init__(what)


class Stay(Enum):
    """What needs no look inside."""

    KEEP = "keep"
    NULL = "null"


_KEEP = Stay.KEEP


@dataclass(frozen=True, slots=True)
class Leaf:
    """Replace what is found: by the fake of a family, or by the same text (JSON, in quotes) everywhere.

    Attributes:
        index: its place among the leaves of the edit.
        path: where it stands, for the report.
        family: index of the family in the edit; None for a constant.
        constant: the text, where there is no family.
    """

    index: int
    path: str
    family: int | None
    constant: bytes = b""


class Branch:
    """What becomes of each key of an object; `others` of those not named, which are dropped where it is None."""

    def __init__(self, named: Mapping[str, Node], others: Node | None = None) -> None:
        """Take what becomes of the keys that are named."""
        self.named = {name: (written(name), node) for name, node in named.items()}
        self.others = others


Node: TypeAlias = Stay | Leaf | Branch


class _Writer:
    """Takes the documents of a block apart, and puts them together again once all fakes are known.

    `parts` are the documents end to end. Where a fake goes, `slots` of its leaf has the index of an empty
    part, and `originals` what stood there.
    """

    def __init__(self, leaves: int) -> None:
        self.parts: list[Raw] = []
        self.originals: list[list[bytes]] = [[] for _ in range(leaves)]
        self.slots: list[list[int]] = [[] for _ in range(leaves)]

    def value(self, node: Node, raw: Raw) -> None:
        """Write what becomes of any value."""
        if node is _KEEP:
            self.parts.append(raw)
        elif node is Stay.NULL:
            self.parts.append(b"null")
        elif isinstance(node, Leaf):
            self.leaf(node, bytes(raw))
        elif isinstance(node, Branch):
            self.inside(node, raw)

    def inside(self, branch: Branch, raw: Raw) -> None:
        """Write an object, or the objects of a list; what is neither has no keys to be named and becomes null."""
        first = memoryview(raw)[0]
        if first == _BRACE:
            self.members(branch, read_object(raw))
        elif first == _BRACKET:
            self.items(branch, read_list(raw))
        else:
            self.parts.append(b"null")

    def members(self, branch: Branch, members: Mapping[str, Raw]) -> None:
        """Write the members of an object that stay, in their order."""
        parts, named, others = self.parts, branch.named, branch.others
        originals, slots = self.originals, self.slots
        parts.append(b"{")
        first = len(parts)
        for name, raw in members.items():
            found = named.get(name)
            if found is None:
                if others is None:
                    continue
                found = written(name), others
            key, node = found
            parts.append(key)
            if node is _KEEP:
                parts.append(raw)
            elif type(node) is Leaf and (text := bytes(raw))[0] == _QUOTE and b"\\" not in text and len(text) > _EMPTY:
                # What `leaf` does with most strings, without the call: this loop is where the time goes.
                originals[node.index].append(text[1:-1])
                slots[node.index].append(len(parts))
                parts.append(b"")
            else:
                self.value(node, raw)
        if len(parts) > first:
            parts[first] = bytes(parts[first])[2:]  # a key: no comma before the first
        parts.append(b"}")

    def items(self, node: Node, items: Sequence[Raw]) -> None:
        """Write a list, whatever the rule element by element."""
        self.parts.append(b"[")
        for index, raw in enumerate(items):
            if index:
                self.parts.append(b", ")
            self.value(node, raw)
        self.parts.append(b"]")

    def leaf(self, leaf: Leaf, text: bytes) -> None:
        """Write a fake. null and the empty string stay; an object, whose keys nobody named, becomes empty."""
        kind = text[0]
        if kind == _QUOTE and len(text) > _EMPTY:
            original = _original(text)
        elif kind == _BRACKET:
            self.leaves(leaf, text)
            return
        elif kind == _BRACE:
            self.parts.append(b"{}")
            return
        elif kind in (_QUOTE, _LETTER_N):
            self.parts.append(text)
            return
        else:
            original = text
        self.originals[leaf.index].append(original)
        self.slots[leaf.index].append(len(self.parts))
        self.parts.append(b"")

    def leaves(self, leaf: Leaf, text: bytes) -> None:
        """Write a list of fakes; the short way where it is a list of strings, as most are."""
        try:
            strings = _read_strings(text)
        except (msgspec.DecodeError, UnicodeError):
            strings = []
        if not strings or "" in strings:
            self.items(leaf, read_list(text))
            return
        first = len(self.parts) + 1
        self.originals[leaf.index] += map(str.encode, strings)
        self.slots[leaf.index] += range(first, first + 2 * len(strings), 2)
        self.parts += (b"[", *((b"", b", ") * len(strings)))
        self.parts[-1] = b"]"


def _original(text: bytes) -> bytes:
    """A string as the server would hold it, so that it has the fake that it has in a column."""
    if b"\\" not in text:
        return text[1:-1]
    try:
        return _read_text(text).encode()
    except (msgspec.DecodeError, UnicodeError):
        return text[1:-1]  # half of a surrogate pair, which only the type json can hold


class DocumentFakes:
    """The fakes of a family as JSON strings."""

    def __init__(self, form: Form, cmac: ColumnCmac) -> None:
        """Take the form of the family, and its keyed function."""
        self._cmac = cmac
        self._fakes = Fakes(form, lambda text: msgspec.json.encode(text)[1:-1])
        # A fake that is one entry of a pool is looked up with its quotes on.
        self._entries = [b'"%b"' % text for text in self._fakes.entries]

    def texts(self, originals: list[bytes]) -> list[bytes]:
        """The fake of each original."""
        values = Values.of(originals)
        keyed, lengths = Keyed.of(self._cmac, values), values.ends - values.starts
        if entries := self._entries:
            (only,) = self._fakes.parts(keyed, lengths)
            return [entries[index] for index in only.indexes.tolist()]
        return [b'"%b"' % text for text in self._fakes.texts(keyed, lengths)]


class DocumentEdit:
    """The documents of a column, by path."""

    spares_empty = True
    shows = False
    needs = ()

    def __init__(
        self,
        column: str,
        root: Branch,
        leaves: Sequence[Leaf],
        families: Sequence[DocumentFakes],
        only_with: str | None = None,
    ) -> None:
        """Take all leaves below the root in the order of their indexes, and the families in that of theirs."""
        self._column = column
        self._root = root
        self._leaves = leaves
        self._families = families
        self._only_with = only_with

    def pieces(self, seen: Seen) -> list[Chosen]:
        """See Edit."""
        writer = _Writer(len(self._leaves))
        ends = [0]
        values = seen.column.values
        rows = np.flatnonzero(seen.rows)
        view = values.buffer.data
        for row, start, end in zip(
            rows.tolist(), values.starts[rows].tolist(), values.ends[rows].tolist(), strict=True
        ):
            try:
                self._document(writer, decode(bytes(view[start:end])).strip(_BLANKS))
            except (NotJson, IndexError):
                raise DocumentRefused(row, self._column, "the value is not JSON") from None
            except RecursionError:
                raise DocumentRefused(row, self._column, "the JSON is too deeply nested") from None
            ends.append(len(writer.parts))
        self._fill(writer, seen.tally)
        parts = writer.parts
        documents = [encode(b"".join(parts[a:b])) for a, b in pairwise(ends)]
        return [Chosen(pool(documents), np.arange(len(documents), dtype=np.int64))]

    def _document(self, writer: _Writer, text: bytes) -> None:
        kind = text[0]
        if kind == _BRACE:
            members = read_object(text)
            if self._only_with is not None and self._only_with not in members:
                writer.parts.append(b"{}")
            else:
                writer.members(self._root, members)
            return
        if kind == _BRACKET:
            items = read_list(text)
            if self._only_with is None:
                writer.items(self._root, items)
                return
        elif read_scalar(text) is None and self._only_with is None:
            writer.parts.append(b"null")
            return
        writer.parts.append(b"{}")

    def _fill(self, writer: _Writer, tally: Tally) -> None:
        """Put the fakes where they go: one call a family, for all its leaves together."""
        for index, family in enumerate(self._families):
            leaves = [leaf.index for leaf in self._leaves if leaf.family == index]
            originals = [original for leaf in leaves for original in writer.originals[leaf]]
            if not originals:
                continue
            slots = [slot for leaf in leaves for slot in writer.slots[leaf]]
            for slot, text in zip(slots, family.texts(originals), strict=True):
                writer.parts[slot] = text
        for leaf in self._leaves:
            slots = writer.slots[leaf.index]
            if leaf.family is None:
                for slot in slots:
                    writer.parts[slot] = leaf.constant
            tally.count(leaf.path, len(slots))
            for slot in slots[:SAMPLES]:
                tally.show(leaf.path, str(read_scalar(writer.parts[slot])))
