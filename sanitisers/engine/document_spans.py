"""What of a block of documents is shown to the leak check: originals, and strings that stay, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.document_nodes import AS_IT_IS, FAKE
from sanitisers.engine.document_rules import LEAVES, NULL, Rules
from sanitisers.engine.document_texts import unquoted
from sanitisers.engine.grid import end_to_end
from sanitisers.engine.json_tokens import SCALAR, STRING
from sanitisers.engine.values import Values

SHORTEST = len('"M11AE"')
"""Bytes of a string in its quotes that is worth looking at."""

if TYPE_CHECKING:
    from sanitisers.engine.document_nodes import Decided
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.values import Positions
    from sanitisers.engine.watch import DocumentWatch


def originals(decided: Decided, which: Indexes) -> Values:
    """What stands there, as the server would hold it: strings without their quotes and escapes."""
    starts, ends, escaped = _value_spans(decided, which)
    return unquoted(decided.documents.text, starts, ends, escaped)


def show(rules: Rules, decided: Decided, which: Indexes, faked: Indexes, watch: DocumentWatch) -> Values:
    """Show the watch the originals and all strings that stay; the originals of `faked` are given back.

    `which` are the indexes of the documents among all.
    """
    inside, nodes = _nodes_of_kept(rules, decided)
    values = decided.values
    strings = (values.kinds == STRING) & (values.ends - values.starts >= SHORTEST)
    shown = np.flatnonzero((decided.actions == FAKE) | (strings & ((nodes >= rules.kept) | (nodes == NULL))))
    places = _places(rules, watch)
    texts = originals(decided, shown)
    rows = decided.documents.around(values.starts.take(shown))
    watch.check.look(texts, places.take(nodes.take(shown)), watch.rows_of(which.take(rows)))
    keys = np.sort(np.append(decided.strangers, inside)) if len(inside) else decided.strangers
    if len(keys):
        own = places.take(nodes.take(keys))
        watch.check.look(_keys(decided, keys), np.where(nodes.take(keys) >= rules.kept, own, watch.keys))
    own = np.searchsorted(shown, faked)
    return Values(texts.buffer, texts.starts.take(own), texts.ends.take(own))


def _nodes_of_kept(rules: Rules, decided: Decided) -> tuple[Indexes, Indexes]:
    """Which values with keys are inside a container that stays, and the node of each value: inside of one, its."""
    values = decided.values
    opens = values.brackets.opens
    outer = np.sort(opens[decided.actions.take(opens) == AS_IT_IS])
    if not len(outer):
        return outer, decided.nodes
    ends = values.ends.take(outer)
    holders = np.searchsorted(outer, np.arange(len(values.kinds)), "right") - 1
    within = (holders >= 0) & (values.starts < ends.take(holders))
    within[outer] = False
    nodes = np.where(within, decided.nodes.take(outer.take(holders)), decided.nodes)
    return np.flatnonzero(within & values.keyed), nodes


def _places(rules: Rules, watch: DocumentWatch) -> Indexes:
    """The place of each node."""
    places = np.full(rules.nodes, watch.nowhere, np.int64)
    places[NULL] = watch.nulled
    places[LEAVES : rules.branches] = watch.leaves
    places[rules.kept :] = watch.kept
    return places


def _keys(decided: Decided, which: Indexes) -> Values:
    values, text = decided.values, decided.documents.text
    starts, ends = values.key_starts.take(which) + 1, values.key_ends.take(which) - 1
    if values.key_escaped is not None and (escaped := np.flatnonzero(values.key_escaped.take(which))).size:
        return unquoted(text, starts, ends, escaped)
    return end_to_end(Values(text, starts, ends), apart=1)


def _value_spans(decided: Decided, which: Indexes) -> tuple[Positions, Positions, Positions]:
    values = decided.values
    quotes = values.kinds.take(which) != SCALAR
    escaped = np.flatnonzero(values.escaped.take(which)) if values.escaped is not None else which[:0]
    return values.starts.take(which) + quotes, values.ends.take(which) - quotes, escaped
