"""Free text of which only what is personal goes: what detectors find, and what the row's other columns say of people.

In its place stands a mark such as `[e-mail address]`. Where the marks make a value too long for its column, it is
three dots. Most values hold nothing of the kind and are only searched.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.detectors import CARD, EMAIL, IBAN, NATIONAL_INSURANCE, PHONE, POSTCODE, find
from sanitisers.engine.copy_text import encode
from sanitisers.engine.document_texts import appended
from sanitisers.engine.fakes import Taken, pool
from sanitisers.engine.looks import suspected
from sanitisers.engine.values import Values, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sanitisers.engine.edits import Seen
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.watch import Remains

MARKS = {
    EMAIL: "[e-mail address]",
    PHONE: "[telephone number]",
    POSTCODE: "[postcode]",
    NATIONAL_INSURANCE: "[National Insurance number]",
    CARD: "[card number]",
    IBAN: "[account number]",
}
NAME, OTHER = "[name]", "[removed]"
SHORT = "..."
"""A mark where there is no room for any other; nothing shorter than it is taken out."""
LEAST = len(SHORT)
_LETTERS = re.compile(r"[^\W\d_]+")
_TAIL = 100
_CUT = re.compile(
    r'(?P<address>[^\s<>"(),;:@\[\]]{1,64}(?:@|%40)[^\s<>"(),;:@\[\]]{0,80})\Z'
    r"|(?P<phone>(?:\+|(?<![\w.,])0)\d[\d ()./-]{4,20})\Z"
    r"|(?P<card>(?<![\w.+])(?:3[04-9]|[45]|6\d|2[2-7])(?:[ -]?\d){6,17}[ -]?)\Z"
    r"|(?P<account>(?<!\w)[A-Z]{2}\d\d(?: ?[A-Z0-9]){4,30} ?)\Z"
)
"""What a text ends with that may be the beginning of what is longer, by its kind."""
_CUT_KINDS = {"address": EMAIL, "phone": PHONE, "card": CARD, "account": IBAN}
_BETWEEN = b"\0"
"""Between the words of a row, as no text of PostgreSQL's can hold it."""


@dataclass(frozen=True, slots=True)
class Own:
    """A column whose originals are taken out of the texts of their row.

    Attributes:
        column: its name.
        names: whether it holds names of people, so that each word of it counts.
    """

    column: str
    names: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of some texts.

    Attributes:
        texts: all of them, as they go on.
        changed: indexes of those of which something was taken out.
        cut: what was taken out.
        owners: for each the index of its text.
    """

    texts: list[bytes]
    changed: list[int]
    cut: list[bytes]
    owners: list[int]


def redact_all(texts: Sequence[bytes], words: Sequence[bytes], limit: int | None = None) -> Outcome:
    """Take what is personal out of texts; `words` are what else is personal in each, see words_of.

    A text that gets longer than `limit` characters has SHORT for marks.
    """
    likely = set(suspected(appended(Values.of([]), list(texts))).tolist())
    likely.update(index for index, text in enumerate(texts) if limit is not None and len(text) >= limit)
    outcome = Outcome(list(texts), [], [], [])
    for index in sorted(likely.union(index for index, own in enumerate(words) if own)):
        text = texts[index].decode("utf-8", "surrogateescape")
        spans = _spans(text, words[index].decode("utf-8", "surrogateescape"), looks=index in likely)
        if len(text) == limit:
            spans = _with_cut(text, spans)
        if spans:
            outcome.texts[index] = _without(text, spans, limit).encode("utf-8", "surrogateescape")
            outcome.changed.append(index)
            outcome.cut.extend(text[start:end].encode("utf-8", "surrogateescape") for start, end, _ in spans)
            outcome.owners.extend([index] * len(spans))
    return outcome


def redact(text: str, words: str = "") -> str:
    """A text without what is personal in it; `words` as in words_of."""
    return _without(text, _spans(text, words, looks=True), None)


def words_of(seen: Seen, own: Sequence[Own]) -> list[bytes]:
    """For each value that is to be replaced what its row's other columns say of people, each with a mark before it."""
    rows = np.flatnonzero(seen.rows)
    words: list[list[str]] = [[] for _ in rows]
    for one in own:
        column = seen.other(one.column)
        has = np.flatnonzero(seen.rows & ~(column.null | column.empty))
        flags = np.zeros(len(seen.rows), np.bool_)
        flags[has] = True
        values = column.only(flags)
        view = values.buffer.data
        indexes = np.searchsorted(rows, has).tolist()
        for index, start, end in zip(indexes, values.starts.tolist(), values.ends.tolist(), strict=True):
            words[index] += _marked(bytes(view[start:end]).decode("utf-8", "surrogateescape"), names=one.names)
    return ["\0".join(of_row).encode("utf-8", "surrogateescape") for of_row in words]


def _marked(value: str, *, names: bool) -> Iterator[str]:
    value = value.strip()
    if len(value) >= LEAST:
        yield from (f"{NAME if names else OTHER}{form}" for form in _forms(value))
    if names:
        for word in dict.fromkeys([*value.split(), *_LETTERS.findall(unicodedata.normalize("NFC", value))]):
            if len(_LETTERS.findall(word)) and len(word) >= LEAST and word != value:
                yield from (f"{NAME}{form}" for form in _forms(word))


def _forms(word: str) -> Sequence[str]:
    """A word with its accents in one character and in two, and as it is written in capitals."""
    if word.isascii():
        return (word,)
    forms = word, *(unicodedata.normalize(form, word) for form in ("NFC", "NFD")), word.casefold()
    return tuple(dict.fromkeys(forms))


def _spans(text: str, words: str, *, looks: bool) -> list[tuple[int, int, str]]:
    """What is to go, from left to right: from where to where, and the mark."""
    found = [(one.start, one.end, MARKS[one.kind]) for one in find(text)] if looks else []
    if words:
        folded = _folded(text)
        for word in words.split("\0"):
            mark, _, rest = word.partition("]")
            found += [(start, end, f"{mark}]") for start, end in _whole_words(folded, _folded(rest))]
    merged: list[tuple[int, int, str]] = []
    for start, end, mark in sorted(found, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1]), merged[-1][2]
        else:
            merged.append((start, end, mark))
    return merged


def _with_cut(text: str, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """The same, and what a text that fills its column ends with where that may be the beginning of more."""
    begin = max(len(text) - _TAIL, spans[-1][1] if spans else 0)
    found = _CUT.search(text, begin)
    if found is None or found.end() - found.start() < LEAST:
        return spans
    return [*spans, (found.start(), found.end(), MARKS[_CUT_KINDS[found.lastgroup or "phone"]])]


def _whole_words(text: str, word: str) -> Iterator[tuple[int, int]]:
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not _goes_on(text[start - 1 : start], word[0]) and not _goes_on(text[end : end + 1], word[-1]):
            yield start, end
        start = text.find(word, start + 1)


def _goes_on(beside: str, edge: str) -> bool:
    """Whether a word that ends with `edge` goes on with what is beside it; scripts without capitals may have no blanks
    between words, and begin words with others."""
    return beside.isalnum() and edge.isalnum() and unicodedata.category(edge) != "Lo"


def _folded(text: str) -> str:
    """A text in which capitals make no difference, as long as it was."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(one if len(one := character.casefold()) == 1 else character for character in text)


def _without(text: str, spans: Sequence[tuple[int, int, str]], limit: int | None) -> str:
    parts: list[str] = []
    end = 0
    for start, stop, mark in spans:
        parts += (text[end:start], mark)
        end = stop
    parts.append(text[end:])
    if limit is not None and sum(map(len, parts)) > limit:
        parts[1::2] = [SHORT] * len(spans)
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class RedactEdit:
    """A column of free text, of which only what is personal goes."""

    column: str
    own: tuple[Own, ...]
    max_length: int | None
    spares_null: bool = True
    spares_empty: bool = True
    shows: bool = False
    needs: tuple[str, ...] = ()

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        texts = [text.tobytes() for text in texts_of(seen.originals, np.arange(len(seen.originals.starts)))]
        outcome = redact_all(texts, words_of(seen, self.own), self.max_length)
        # All of them were counted; what nothing was taken out of is not replaced.
        seen.tally.count(self.column, len(outcome.changed) - len(texts))
        if seen.remains is not None:
            seen.remains.stays(outcome.texts)
            rows = np.flatnonzero(seen.rows)
            rows = rows if seen.origins is None else seen.origins.take(rows)
            seen.remains.cut(outcome.cut, rows.take(np.array(outcome.owners, np.int64)))
        return [Taken(pool([encode(text) for text in outcome.texts]), np.arange(len(texts)))]


@dataclass(frozen=True, slots=True)
class Redacted(Taken):
    """What stands in place of strings in documents, and what became of them."""

    outcome: Outcome

    def unchanged(self, leaves: Indexes, many: int) -> Indexes:
        """How many of so many leaves stay as they were, given the leaf of each text."""
        return np.bincount(np.delete(leaves, self.outcome.changed), minlength=many)

    def show(self, leaves: Indexes, rows: Indexes, remains: Mapping[int, Remains]) -> None:
        """Show what became of the texts, given the leaf and the row of each."""
        owners = np.array(self.outcome.owners, np.int64)
        for leaf in np.unique(leaves).tolist():
            remains[leaf].stays([self.outcome.texts[index] for index in np.flatnonzero(leaves == leaf).tolist()])
            cut = np.flatnonzero(leaves.take(owners) == leaf)
            remains[leaf].cut([self.outcome.cut[index] for index in cut.tolist()], rows.take(owners.take(cut)))


class DocumentRedaction:
    """Strings in documents of which only what is personal goes; `deciding` has the words of their rows."""

    def pieces(self, originals: Values, deciding: Values) -> Redacted:
        """What stands in place of each, and what became of them."""
        texts, words = (
            [text.tobytes() for text in texts_of(values, np.arange(len(values.starts)))]
            for values in (originals, deciding)
        )
        outcome = redact_all(texts, words)
        return Redacted(pool([_quoted(text) for text in outcome.texts]), np.arange(len(texts)), outcome)


def _quoted(text: bytes) -> bytes:
    """A string of JSON in COPY text."""
    written = json.dumps(text.decode("utf-8", "surrogateescape"), ensure_ascii=False)
    return encode(written.encode("utf-8", "surrogateescape"))
