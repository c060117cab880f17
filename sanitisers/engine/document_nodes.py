"""What becomes of each value of a block of documents, by the rules."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.document_rules import EMPTY, LEAVES, SKIP, Rules
from sanitisers.engine.json_nesting import Nested
from sanitisers.engine.json_tokens import OPEN_LIST, OPEN_OBJECT, SCALAR, STRING, Documents, Unsure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Words

# What is written for a value: one of these, or one of the constant pieces.
NOTHING, AS_IT_IS, FAKE = -1, -2, -3
# The constant pieces: an opening bracket is followed by its closing one.
_NULL, _EMPTY, BRACE, _, BRACKET, _, COMMA, COLON = range(8)
CONSTANTS = (b"null", b"{}", b"{", b"}", b"[", b"]", b", ", b": ")
# Kinds of values that rules tell apart, besides those of tokens.
_NULL_ITSELF, _EMPTY_STRING, _KINDS = 0, STRING + 1, 8


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of each value of some documents.

    Attributes:
        documents: where they are.
        values: their values.
        finer: kinds of the values, with those that rules tell apart.
        keys: index of the key of each value among those of the rules.
        nodes: the number of the rule for each value.
        actions: what is written for each value, or end of a container.
        later: which are written behind another one of the same container.
        members: indexes of the values that are written with a key.
        strangers: indexes of those of them whose key no rule names.
    """

    documents: Documents
    values: Nested
    finer: Bytes
    keys: Indexes
    nodes: Indexes
    actions: Indexes
    later: Flags
    members: Indexes
    strangers: Indexes


def decide(rules: Rules, documents: Documents, values: Nested) -> Decided:
    """What becomes of the values. Raises Unsure for documents whose keys may be others than they look, or twice."""
    keys, hashes, sure = _find_keys(rules, documents, values)
    nodes = _find_nodes(rules, values, keys)
    finer = _finer_kinds(documents.text, values)
    actions = _actions(rules).take(nodes * _KINDS + finer)
    brackets = values.brackets
    opened = actions.take(brackets.opens)
    actions[brackets.closes] = np.where((opened == BRACE) | (opened == BRACKET), opened + 1, NOTHING)
    looked_into = np.append(opened == BRACE, False)
    looked_into[: brackets.levels[1]] = True
    unsure = values.keyed & ~sure & looked_into.take(values.owners)
    if unsure.any():
        raise Unsure(documents.holding(values.starts[unsure]))
    written = actions != NOTHING
    members = np.flatnonzero(values.keyed & written)
    named = keys.take(members) != rules.keys.unknown
    strangers = members[~named]
    _want_once(documents, values, members[named], keys, rules.keys.unknown)
    _want_unlike(documents, values, strangers, hashes)
    return Decided(documents, values, finer, keys, nodes, actions, _later(values, written), members, strangers)


def siblings(decided: Decided, which: Indexes, keys: Sequence[int]) -> Indexes:
    """For some values the index of another value of the same object, which has text: the first of these keys.

    -1 where none has. Values of a list belong to the object that the list is in.
    """
    values = decided.values
    brackets = values.brackets
    objects = values.owners.take(which)
    lists = values.kinds.take(brackets.opens) == OPEN_LIST
    while len(inside := np.flatnonzero((objects >= 0) & lists.take(objects))):
        objects[inside] = brackets.parents.take(objects.take(inside))
    found = np.full(len(which), -1, np.int64)
    texts = (decided.finer == STRING) | (decided.finer == SCALAR)
    for key in reversed(keys):
        of_object = np.full(len(brackets.opens) + 1, -1, np.int64)
        own = np.flatnonzero(values.keyed & (decided.keys == key))
        of_object[values.owners.take(own)] = own  # of a key that comes twice the last value counts
        sibling = of_object.take(objects)
        found = np.where((sibling >= 0) & texts.take(sibling), sibling, found)
    return found


def _actions(rules: Rules) -> Indexes:
    """What is written for a value, by the number of its rule and its kind."""
    table = np.full((rules.nodes, _KINDS), _NULL, np.int64)  # what is no container has no keys to be named
    table[SKIP], table[EMPTY] = NOTHING, _EMPTY
    table[LEAVES:, OPEN_OBJECT], table[LEAVES:, OPEN_LIST] = BRACE, BRACKET
    leaves = table[LEAVES : rules.branches]
    leaves[:, [_NULL_ITSELF, _EMPTY_STRING]] = AS_IT_IS
    leaves[:, [SCALAR, STRING]] = FAKE
    leaves[:, OPEN_OBJECT] = _EMPTY  # nobody named its keys
    leaves[rules.own, SCALAR] = AS_IT_IS
    table[rules.kept :] = AS_IT_IS
    return table.reshape(-1)


def _finer_kinds(text: Bytes, values: Nested) -> Bytes:
    kinds = values.kinds.copy()
    kinds[np.flatnonzero((kinds == STRING) & (values.ends - values.starts == 2))] = _EMPTY_STRING
    scalars = np.flatnonzero(values.kinds == SCALAR)
    kinds[scalars[text.take(values.starts.take(scalars)) == ord("n")]] = _NULL_ITSELF
    return kinds


def _find_keys(rules: Rules, documents: Documents, values: Nested) -> tuple[Indexes, Words, Flags]:
    """For each value the index of its key, a hash of it, and whether it is surely this key or one no rule names."""
    keys = np.full(len(values.kinds), rules.no_key, np.int64)
    hashes = np.empty(len(keys), np.uint64)
    sure = np.empty(len(keys), np.bool_)
    keyed = np.flatnonzero(values.keyed)
    starts, ends = values.key_starts.take(keyed) + 1, values.key_ends.take(keyed) - 1
    keys[keyed], hashes[keyed], sure[keyed] = rules.keys.find(documents.text, starts, ends)
    if values.key_escaped is not None:
        sure &= ~values.key_escaped
    return keys, hashes, sure


def _find_nodes(rules: Rules, values: Nested, keys: Indexes) -> Indexes:
    """The number of the rule for each value; containers level by level, then all that is in them."""
    brackets = values.brackets
    of_opens = keys.take(brackets.opens)
    holders = np.empty(len(brackets.opens) + 1, np.int64)
    holders[-1] = SKIP  # holds the outermost
    roots = brackets.levels[1]
    holders[:roots] = rules.root
    if rules.wanted is not None:
        having = values.owners.take(np.flatnonzero(keys == rules.wanted))
        without = np.ones(len(holders), np.bool_)
        without[having] = False
        holders[:roots][without[:roots]] = EMPTY
    for here, below in pairwise(brackets.levels[1:]):
        holders[here:below] = rules.inside(holders.take(brackets.parents[here:below]), of_opens[here:below])
    nodes = rules.inside(holders.take(values.owners), keys)
    nodes[brackets.opens[:roots]] = holders[:roots]
    return nodes


def _want_once(documents: Documents, values: Nested, members: Indexes, keys: Indexes, known: int) -> None:
    """Raise Unsure for documents with a known key that is written twice in an object."""
    places = values.owners.take(members) * known + keys.take(members)
    found = np.zeros(len(values.brackets.opens) * known, np.bool_)
    found[places] = True
    if np.count_nonzero(found) != len(places):
        _refuse_equal(documents, values, members, places)


def _want_unlike(documents: Documents, values: Nested, strangers: Indexes, hashes: Words) -> None:
    """Raise Unsure for documents with an object of which two keys, that no rule names, have the same hash."""
    if len(strangers):
        mixed = (hashes.take(strangers) ^ values.owners.take(strangers).astype(np.uint64)) * np.uint64(
            0xD6E8FEB86659FD93
        )
        _refuse_equal(documents, values, strangers, mixed)


def _refuse_equal(documents: Documents, values: Nested, members: Indexes, marks: Indexes | Words) -> None:
    order = np.argsort(marks, kind="stable")
    ordered = marks.take(order)
    equal = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(equal):
        raise Unsure(documents.holding(values.starts.take(members.take(order.take(equal)))))


def _later(values: Nested, written: Flags) -> Flags:
    """Which values are written behind another one of the same container; the outermost are not."""
    later = written.copy()
    later[values.brackets.closes] = False
    candidates = np.flatnonzero(later)[::-1]
    # Of what goes to the same place the last stays, which is the first of the container.
    firsts = np.zeros(len(values.brackets.opens) + 1, np.int64)
    firsts[values.owners.take(candidates)] = candidates
    later[firsts[:-1]] = False
    later[values.brackets.opens[: values.brackets.levels[1]]] = False
    return later
