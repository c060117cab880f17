"""Strings of JSON in COPY text, as the server would hold them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.document_walk import originals_of
from sanitisers.engine.grid import BACKSLASH, PADDING, end_to_end, marked
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sanitisers.engine.values import Bytes, Positions


def unquoted(text: Bytes, starts: Positions, ends: Positions, escaped: Positions) -> Values:
    """What stands at these places, in order, without JSON's escapes and COPY's.

    Those whose indexes are `escaped` are strings: a quote is before and behind them.
    """
    if not len(escaped):
        return Values(text, starts, ends)
    # With the quotes, and one byte more to make a comma of: of COPY's escapes a string that was read holds no other.
    quoted = end_to_end(Values(text, starts[escaped] - 1, ends[escaped] + 2))
    quoted.buffer[quoted.ends - 1] = ord(",")
    strings = halved(quoted.buffer[: max(len(quoted.buffer) - PADDING - 1, 0)])
    plain = appended(Values(text, starts, ends), originals_of(strings.tobytes()))
    starts, ends = starts.copy(), ends.copy()
    starts[escaped], ends[escaped] = plain.starts[len(starts) :], plain.ends[len(ends) :]
    return Values(plain.buffer, starts, ends)


def halved(text: Bytes) -> Bytes:
    """A text in which every backslash is written twice, with each of them once."""
    keep = np.ones(len(text), np.bool_)
    keep[marked(text == BACKSLASH)[1::2]] = False
    return text[keep]


def together(values: Values, others: Values) -> Values:
    """Values, and behind them others, which may lie in the same buffer."""
    if values.buffer is others.buffer:
        buffer, base = values.buffer, 0
    else:
        buffer, base = np.concatenate((values.buffer, others.buffer)), len(values.buffer)
    return Values(buffer, np.append(values.starts, others.starts + base), np.append(values.ends, others.ends + base))


def appended(values: Values, others: list[bytes]) -> Values:
    """Values, and behind them others, with something else between them."""
    if not others:
        return values
    more = Values.of([other + b"\n" for other in others])
    base = len(values.buffer)
    return Values(
        np.concatenate((values.buffer, more.buffer, np.zeros(PADDING, np.uint8))),
        np.append(values.starts, more.starts + base),
        np.append(values.ends, more.ends - 1 + base),
    )


def strings_in(text: bytes) -> Iterator[bytes]:
    """All strings and keys of one JSON value, one by one; of what is no JSON, all of it."""
    try:
        left = [json.loads(text, object_pairs_hook=_flat, parse_int=_nothing, parse_float=_nothing)]
    except (ValueError, RecursionError):
        yield text
        return
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, str):
            yield value.encode("utf-8", "replace")


def _flat(members: list[tuple[str, object]]) -> list[object]:
    """A key that comes twice stays twice in a column of type json, so both values are looked at."""
    return [one for member in members for one in member]


def _nothing(_: str) -> None:
    """Numbers are not looked at."""
