"""The rules of a document made into a tree of nodes for the engine, with what makes its fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sanitisers.engine.document_rules import Branch, Kept, Leaf, Node, Nulled
from sanitisers.families import FAMILIES
from sanitisers.making.fitting import Misfit, json_text
from sanitisers.making.grouping import grouped, space
from sanitisers.ruleset.rules import Bcrypt, Chosen, Constant, Fake, JsonObject, Keep, Noise, Null, Redact, Shift
from sanitisers.ruleset.scalars import spelt

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanitisers.ruleset.rules import JsonRule


class Tree:
    """A document's rules as the engine wants them, with every leaf, maker of fakes and kept path numbered.

    Attributes:
        leaves: what is replaced.
        kept: the paths of what stays.
        makers: each rule that has fakes, without what decides them but with its space of chances, and its number.
    """

    def __init__(self, hash_of: Callable[[str], str], constants: list[str]) -> None:
        """Take what makes a password's hash, and a list to which the constants are added."""
        self.leaves: list[Leaf] = []
        self.kept: list[str] = []
        self.makers: dict[tuple[Chosen | Redact, str], int] = {}
        self._hash_of = hash_of
        self._constants = constants

    def branch(self, document: JsonObject, path: str) -> Branch:
        """The node of an object. Raises Misfit."""
        rules = grouped(document.keys)
        nodes = {name: self._node(rule, f"{path}.{name}") for name, rule in rules.items()}
        others = nodes.pop("*", None)
        return Branch(nodes, others)

    def keep(self, path: str) -> Kept:
        """The node of what stays."""
        self.kept.append(path)
        return Kept(len(self.kept) - 1, path)

    def _node(self, rule: JsonRule, path: str) -> Node:
        match rule:
            case Keep():
                return self.keep(path)
            case Null() | Constant(value=None):
                return Nulled()
            case Constant(value=value):
                self._constants.append(spelt(value))
                return self._leaf(path, None, json_text(value).encode())
            case Bcrypt(locked=None, password=password):
                return self._leaf(path, None, msgspec.json.encode(self._hash_of(password)), secret=True)
            case Redact():
                return self._leaf(path, self.makers.setdefault((rule, ""), len(self.makers)), own=True)
            case JsonObject():
                return self.branch(rule, path)
            case Chosen():
                if getattr(rule, "unique", False) or rule.nulls == "replace":
                    raise Misfit(f"{path}: `unique` and `nulls` belong to columns")
                maker = rule.model_copy(update={"by": ()}), space(rule)
                number = self.makers.setdefault(maker, len(self.makers))
                common = FAMILIES[rule.family].common if isinstance(rule, Fake) else False
                return self._leaf(path, number, common=common, by=rule.by, near=isinstance(rule, Shift | Noise))
            case _:
                raise Misfit(f"{path}: this rule belongs to a column, not into a document")

    def _leaf(
        self,
        path: str,
        maker: int | None,
        constant: bytes = b"",
        *,
        common: bool = False,
        by: tuple[str, ...] = (),
        own: bool = False,
        near: bool = False,
        secret: bool = False,
    ) -> Leaf:
        leaf = Leaf(len(self.leaves), path, maker, constant, common, by, own, near, secret)
        self.leaves.append(leaf)
        return leaf
