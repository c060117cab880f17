"""The strings of JSON documents that stay as they are, keys among them, at any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.copy_text import decode
from sanitisers.engine.document_texts import appended, strings_in, unquoted
from sanitisers.engine.grid import end_to_end
from sanitisers.engine.json_tokens import Documents, Unsure, find_strings
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags


def strings_of(values: Values, rows: Flags) -> Values:
    """All strings in the documents of some rows, as the server would hold them, with something else between them."""
    starts, ends = values.starts[rows], values.ends[rows]
    others = np.zeros(len(starts), np.bool_)
    while not others.all():
        plain = np.flatnonzero(~others)
        try:
            texts = _plain_strings(Values(values.buffer, starts.take(plain), ends.take(plain)))
            break
        except Unsure as unsure:
            others[plain[unsure.documents]] = True
    else:
        texts = Values.of([])
    view = values.buffer.data
    places = zip(starts[others].tolist(), ends[others].tolist(), strict=True)
    slow = [text for start, end in places for text in strings_in(decode(bytes(view[start:end])))]
    return appended(texts, slow)


def _plain_strings(documents: Values) -> Values:
    """Raises Unsure for documents with strings that are not written plainly."""
    documents = end_to_end(documents)
    strings = find_strings(Documents(documents.buffer, np.append(documents.starts, documents.ends[-1])))
    return unquoted(documents.buffer, strings.opens + 1, strings.closes, strings.escaped)
