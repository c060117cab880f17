"""What becomes of each value of a document: a tree of rules, and the same as tables for a block at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sanitisers.engine.copy_text import encode
from sanitisers.engine.json_keys import LONGEST, Keys
from sanitisers.engine.raw_json import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.values import Positions


@dataclass(frozen=True, slots=True)
class Nulled:
    """Put null in the place of what is found, whatever is inside."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Leave what is found as it is, whatever is inside.

    Attributes:
        index: its place among those of the edit.
        path: where it stands, for messages.
    """

    index: int
    path: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """Replace what is found: by the fake of a family, or by the same text (JSON, in quotes) everywhere.

    Attributes:
        index: its place among the leaves of the edit.
        path: where it stands, for the report.
        family: index of the family in the edit; None for a constant.
        constant: the text, where there is no family.
        common: whether originals are what many people have in common, see Family.
        by: keys of the same object of which the first that has a value decides; else the value itself does.
        own: whether only strings are replaced, and what its row's columns say of people decides.
        near: whether what stands in its place is near the original.
        secret: whether what stands in its place is nobody's business though it is made up, such as a password's hash.
    """

    index: int
    path: str
    family: int | None
    constant: bytes = b""
    common: bool = False
    by: tuple[str, ...] = ()
    own: bool = False
    near: bool = False
    secret: bool = False

    @property
    def shows(self) -> bool:
        """Whether a report may show what stands in its place."""
        return not (self.own or self.near or self.secret)


class Branch:
    """What becomes of each key of an object; `others` of those not named, which are dropped where it is None."""

    def __init__(self, named: Mapping[str, Node], others: Node | None = None) -> None:
        """Take what becomes of the keys that are named."""
        self.named = {name: (written(name), node) for name, node in named.items()}
        self.others = others


Node: TypeAlias = Nulled | Kept | Leaf | Branch

# Nodes by number: these, then the leaves in their order, then the branches, then what is kept.
SKIP, NULL, EMPTY, LEAVES = range(4)


class Rules:
    """A tree of rules with its nodes numbered.

    Attributes:
        keys: every key that a rule names.
        root: number of the outermost branch.
        branches: number of the first branch; those of the leaves begin at LEAVES.
        kept: number of the first node that is kept.
        nodes: how many there are.
        no_key: stands for the key of an item; the one before it, for those not known.
        wanted: index of the key without which a document becomes empty; None where there is none.
        by: of each leaf that others decide the indexes of their keys.
        own: the indexes of leaves that what is in other columns decides.
        unshown: the indexes of leaves of which no report may show what stands in their place.
        for_blocks: whether a block at once can be read by them at all.
    """

    def __init__(self, root: Branch, leaves: Sequence[Leaf], only_with: str | None) -> None:
        """Take the outermost branch, all leaves below it, and the key without which a document becomes empty."""
        branches = _branches(root)
        texts = {name: written(name)[3:-3] for branch in branches for name in branch.named}
        others = [name for leaf in leaves for name in leaf.by] + ([] if only_with is None else [only_with])
        texts |= {name: written(name)[3:-3] for name in others}
        # A key that JSON must write with a backslash is found by the walk only.
        plain = [name for name, text in texts.items() if b"\\" not in text and len(text) <= LONGEST]
        self.keys = Keys([texts[name] for name in plain])
        self.wanted = plain.index(only_with) if only_with in plain else None
        self.for_blocks = all(name in plain for name in others)
        self.own = [leaf.index for leaf in leaves if leaf.own]
        self.unshown = [leaf.index for leaf in leaves if not leaf.shows]
        self.by = {leaf.index: [plain.index(name) for name in leaf.by if name in plain] for leaf in leaves if leaf.by}
        self.branches = LEAVES + len(leaves)
        self.root = self.branches
        number = {id(branch): self.branches + index for index, branch in enumerate(branches)}

        def of(node: Node | None) -> int:
            if isinstance(node, Leaf):
                return LEAVES + node.index
            if isinstance(node, Branch):
                return number[id(node)]
            if isinstance(node, Kept):
                return self.kept + node.index
            return NULL if isinstance(node, Nulled) else SKIP

        self.kept = self.branches + len(branches)
        self.nodes = nodes = self.kept + _count_kept(branches)
        self.no_key = len(plain) + 1
        table = np.full((nodes, len(plain) + 2), SKIP, np.int64)
        table[LEAVES : self.kept, self.no_key] = np.arange(LEAVES, self.kept)  # a rule goes into lists
        for branch in branches:
            row = table[number[id(branch)]]
            row[: self.no_key] = of(branch.others)
            for index, name in enumerate(plain):
                if name in branch.named:
                    row[index] = of(branch.named[name][1])
        self._table = table.reshape(-1)

    def inside(self, nodes: Positions, keys: Positions) -> Positions:
        """What becomes of values, by what becomes of what holds them, and their keys."""
        return self._table.take(nodes * (self.no_key + 1) + keys)

    def written_keys(self) -> list[bytes]:
        """Each known key with its colon, in COPY text; first without, then with the comma before it."""
        texts = [b'"%b": ' % name for name in self.keys.names]
        return [encode(text) for plain in texts for text in (plain, b", " + plain)]


def _branches(root: Branch) -> list[Branch]:
    found = [root]
    for branch in found:  # it grows as they are found
        found += [node for node in _below(branch) if isinstance(node, Branch)]
    return found


def _below(branch: Branch) -> list[Node | None]:
    return [node for _, node in branch.named.values()] + [branch.others]


def _count_kept(branches: Sequence[Branch]) -> int:
    return sum(isinstance(node, Kept) for branch in branches for node in _below(branch))
