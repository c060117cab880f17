"""What is known of the values of a column or of a path in its documents: counts, and no value.

Memory is bounded: of the values that were looked at only looks and keyed hashes are held, and of these so many.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b

from sanitisers.suggesting.values import Look, holds_personal, look

MOST_DIFFERENT = 500
"""Hashes of different values that are held for a column or path."""
_LONGEST = 4_000
"""Characters of a value that are looked at."""
_MOST_OF_A_LIST, _OFTEN = 30, 3
"""Different values, at most, that are a list of few, and how often each comes at least, taken together."""
_ELEMENTS = 50
"""Elements of one list that are looked at."""
_MOST_KEYS = 400
"""Keys of one object that are told apart; those beyond stand together."""
_KEY = secrets.token_bytes(32)
"""Of this process alone: what is held could not be tested for a guess by anybody who saw it."""


@dataclass(slots=True)
class Facts:
    """What the values look like.

    Attributes:
        filled: values that are neither NULL nor empty.
        empty: empty strings.
        null: NULLs.
        looks: how many of the texts look like what.
        kinds: for values in documents, how many are text, number, boolean.
        personal: texts in which something looks like an address or a number of somebody's.
        hashes: keyed hashes of different values.
        longest: characters of the longest text.
        largest: digits of the longest whole number.
    """

    filled: int = 0
    empty: int = 0
    null: int = 0
    looks: Counter[Look] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    personal: int = 0
    hashes: set[bytes] = field(default_factory=set)
    longest: int = 0
    largest: int = 0

    def text(self, value: str) -> None:
        """Look at a text."""
        if not value.strip():
            self.empty += 1
            return
        self.kinds["text"] += 1
        part = value[:_LONGEST]
        self.looks[look(part)] += 1
        self.personal += holds_personal(part)
        self.longest = max(self.longest, len(value))
        self._fill(value)

    def number(self, value: object) -> None:
        """Look at a number."""
        self.kinds["number"] += 1
        whole = f"{value:.0f}" if isinstance(value, float) else str(value).partition(".")[0]
        self.largest = max(self.largest, sum(mark.isdigit() for mark in whole))
        self._fill(str(value))

    def boolean(self) -> None:
        """There is a boolean."""
        self.kinds["boolean"] += 1
        self.filled += 1

    def _fill(self, value: str) -> None:
        self.filled += 1
        if len(self.hashes) < MOST_DIFFERENT:
            self.hashes.add(blake2b(value.encode("utf-8", "replace"), key=_KEY, digest_size=8).digest())

    @property
    def different(self) -> int:
        """How many different values there are, as far as was counted."""
        return len(self.hashes)

    def share(self, *looks: Look) -> float:
        """Which part of the texts looks like one of these, 0 to 1."""
        texts = self.kinds["text"]
        return sum(self.looks[one] for one in looks) / texts if texts else 0.0

    @property
    def commonest(self) -> tuple[Look, float] | None:
        """What most texts look like, and which part of them does."""
        if not self.looks:
            return None
        one, count = self.looks.most_common(1)[0]
        return one, count / self.kinds["text"]

    @property
    def are_few(self) -> bool:
        """Whether the same few values come again and again."""
        return 0 < self.different <= _MOST_OF_A_LIST and self.filled >= _OFTEN * self.different

    def overlap(self, other: Facts) -> float:
        """Which part of the different values here stands in `other` too, 0 to 1."""
        return len(self.hashes & other.hashes) / len(self.hashes) if self.hashes else 0.0


@dataclass(slots=True)
class Document:
    """What stands at a path of the documents of a column; the elements of a list stand where the list does.

    Attributes:
        facts: of the values that are neither objects nor lists.
        objects: how many objects there are.
        keys: what is below each key that is told apart.
        others: what is below all keys beyond these; None where there are none.
    """

    facts: Facts = field(default_factory=Facts)
    objects: int = 0
    keys: dict[str, Document] = field(default_factory=dict)
    others: Document | None = None

    def add(self, value: object, depth: int = 0) -> None:
        """Look at a value of a document."""
        if isinstance(value, dict):
            self.objects += 1
            for key, below in value.items():
                self._below(key).add(below, depth + 1)
        elif isinstance(value, list):
            for one in value[:_ELEMENTS]:
                self.add(one, depth + 1)
        elif isinstance(value, bool):
            self.facts.boolean()
        elif isinstance(value, str):
            self.facts.text(value)
        elif value is None:
            self.facts.null += 1
        else:
            self.facts.number(value)

    def _below(self, key: str) -> Document:
        found = self.keys.get(key)
        if found is None and len(self.keys) >= _MOST_KEYS:
            if self.others is None:
                self.others = Document()
            return self.others
        if found is None:
            found = self.keys[key] = Document()
        return found

    @property
    def seen(self) -> int:
        """How many values there are here, of whatever kind."""
        return self.objects + self.facts.filled + self.facts.empty + self.facts.null

    def merge(self, other: Document) -> None:
        """Add what was found at another path."""
        mine, theirs = self.facts, other.facts
        mine.filled, mine.empty, mine.null = (
            mine.filled + theirs.filled,
            mine.empty + theirs.empty,
            mine.null + theirs.null,
        )
        mine.looks += theirs.looks
        mine.kinds += theirs.kinds
        mine.personal += theirs.personal
        mine.hashes |= theirs.hashes
        mine.longest, mine.largest = max(mine.longest, theirs.longest), max(mine.largest, theirs.largest)
        self.objects += other.objects
        for key, below in other.keys.items():
            self._below(key).merge(below)
        if other.others is not None:
            if self.others is None:
                self.others = Document()
            self.others.merge(other.others)
