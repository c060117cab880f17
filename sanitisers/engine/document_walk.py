"""JSON documents one at a time: the exact way, and the definition of what becomes of any document.

A document is taken apart one level at a time, only where rules look inside. Of a key that comes twice the last
value counts, as for PostgreSQL.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from sanitisers.engine.document_rules import Branch, Kept, Leaf, Node, Nulled
from sanitisers.engine.raw_json import Raw, read_list, read_object, read_scalar, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLANKS = b" \t\n\r"
_QUOTE, _BRACKET, _BRACE, _LETTER_N = b'"[{n'
_EMPTY = len(b'""')
_read_strings = msgspec.json.Decoder(list[str]).decode
_read_text = msgspec.json.Decoder(str).decode


class Walk:
    """Takes the documents of a block apart, and puts them together again once all fakes are known.

    `parts` are the documents end to end. Where a fake goes, `slots` of its leaf has the index of an empty
    part, `originals` what stood there, and `deciding` the text that decides which fake goes there. `kept` is what
    stays as it is, each with the index of its node; `nulled` are strings that became null, each with the index of
    its part; `names` are keys that no rule names, with the index of the kept node or -1.
    """

    def __init__(self, leaves: int) -> None:
        self.parts: list[Raw] = []
        self.kept: list[tuple[int, Raw]] = []
        self.nulled: list[tuple[int, bytes]] = []
        self.names: list[tuple[int, str]] = []
        self.originals: list[list[bytes]] = [[] for _ in range(leaves)]
        self.deciding: list[list[bytes]] = [[] for _ in range(leaves)]
        self._object: Mapping[str, Raw] = {}
        self.slots: list[list[int]] = [[] for _ in range(leaves)]

    def document(self, root: Branch, only_with: str | None, text: bytes) -> None:
        """Write what becomes of a document. Raises NotJson, IndexError and RecursionError."""
        kind = text[0]
        if kind == _BRACE:
            members = read_object(text)
            if only_with is not None and only_with not in members:
                self.parts.append(b"{}")
            else:
                self.members(root, members)
            return
        if kind == _BRACKET:
            items = read_list(text)
            if only_with is None:
                self.items(root, items)
                return
        elif read_scalar(text) is None and only_with is None:
            self.parts.append(b"null")
            return
        self.parts.append(b"{}")

    def value(self, node: Node, raw: Raw) -> None:
        """Write what becomes of any value."""
        if type(node) is Kept:
            self.parts.append(raw)
            self.kept.append((node.index, raw))
        elif type(node) is Nulled:
            if (text := bytes(raw))[0] == _QUOTE:
                self.nulled.append((len(self.parts), text))
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
        originals, deciding, slots, kept = self.originals, self.deciding, self.slots, self.kept
        around, self._object = self._object, members
        parts.append(b"{")
        first = len(parts)
        for name, raw in members.items():
            found = named.get(name)
            if found is None:
                if others is None:
                    continue
                found = written(name), others
                self.names.append((others.index if type(others) is Kept else -1, name))
            key, node = found
            parts.append(key)
            if type(node) is Kept:
                parts.append(raw)
                kept.append((node.index, raw))
            elif (
                type(node) is Leaf
                and not node.by
                and (text := bytes(raw))[0] == _QUOTE
                and b"\\" not in text
                and len(text) > _EMPTY
            ):
                # What `leaf` does with most strings, without the call: this loop is where the time goes.
                originals[node.index].append(text[1:-1])
                deciding[node.index].append(text[1:-1])
                slots[node.index].append(len(parts))
                parts.append(b"")
            else:
                self.value(node, raw)
        if len(parts) > first:
            parts[first] = bytes(parts[first])[2:]  # a key: no comma before the first
        parts.append(b"}")
        self._object = around

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
            original = original_of(text)
        elif kind == _BRACKET:
            self.leaves(leaf, text)
            return
        elif kind == _BRACE:
            self.parts.append(b"{}")
            return
        elif kind in (_QUOTE, _LETTER_N) or leaf.own:
            self.parts.append(text)
            return
        else:
            original = text
        self.originals[leaf.index].append(original)
        self.deciding[leaf.index].append(self._decides(leaf, original))
        self.slots[leaf.index].append(len(self.parts))
        self.parts.append(b"")

    def _decides(self, leaf: Leaf, original: bytes) -> bytes:
        """The text that decides which fake an original gets: the first that another key of the object has."""
        for name in leaf.by:
            text = bytes(self._object.get(name, b"null"))
            if text[0] == _QUOTE and len(text) > _EMPTY:
                return original_of(text)
            if text[0] not in b'"[{n':
                return text
        return original

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
        found = [*map(str.encode, strings)]
        self.originals[leaf.index] += found
        self.deciding[leaf.index] += [self._decides(leaf, original) for original in found] if leaf.by else found
        self.slots[leaf.index] += range(first, first + 2 * len(strings), 2)
        self.parts += (b"[", *((b"", b", ") * len(strings)))
        self.parts[-1] = b"]"


def original_of(text: bytes) -> bytes:
    """A string as the server would hold it, so that it has the fake that it has in a column."""
    if b"\\" not in text:
        return text[1:-1]
    try:
        return _read_text(text).encode()
    except (msgspec.DecodeError, UnicodeError):
        return _with_halves(text)


def _with_halves(text: bytes) -> bytes:
    """A string with half of a surrogate pair in it, which only the type json can hold, and UTF-8 cannot."""
    try:
        return str(json.loads(text)).encode("utf-8", "replace")
    except ValueError:
        return text[1:-1]


def originals_of(strings: bytes) -> list[bytes]:
    """Several strings, with commas between them, as the server would hold them."""
    try:
        return [text.encode() for text in _read_strings(b"[%b]" % strings)]
    except (msgspec.DecodeError, UnicodeError):
        return [original_of(bytes(text)) for text in read_list(b"[%b]" % strings)]
