"""What a fake is made of, so that the engine can make a whole column of them without making each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from faker import Faker

T = TypeVar("T")

# Crockford's base 32 in lower case: letters and digits that are not taken for each other. A run of nine
# digits, which would look like a number of the data, comes up in fewer than one code of ten thousand.
CODE_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
CODE_LENGTH = 12
"""Letters of a code that makes a fake unique, however many originals there are."""
CODES = len(CODE_LETTERS) ** CODE_LENGTH
"""How many such codes there are."""

POOL_SIZE = 2048


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same text in every fake."""

    text: str


@dataclass(frozen=True, slots=True)
class Pick:
    """One of a pool."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PickByLength:
    """One of the pool whose entries are about as long as the original.

    Pool i holds entries of at most `2 ** (i + first)` characters; shorter originals take from the first
    pool, longer ones from the last.
    """

    first: int
    pools: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Keyed letters and digits, five bits each, at most twelve: what makes a fake unique."""

    length: int


@dataclass(frozen=True, slots=True)
class Digits:
    """Keyed decimal digits, at most eighteen."""

    length: int


@dataclass(frozen=True, slots=True)
class Letters:
    """Keyed letters, each of those that its place may have."""

    places: tuple[str, ...]

    @property
    def texts(self) -> int:
        """How many different texts there are."""
        return math.prod(len(set(letters)) for letters in self.places)


Part: TypeAlias = Fixed | Pick | PickByLength | Code | Digits | Letters


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a fake, in order; at most one of them is picked from a pool."""

    parts: tuple[Part, ...]

    @property
    def shortest(self) -> int:
        """Characters of the shortest fake."""
        return sum(min(_lengths(part)) for part in self.parts)

    @property
    def longest(self) -> int:
        """Characters of the longest fake."""
        return sum(max(_lengths(part)) for part in self.parts)

    @property
    def keyed(self) -> int:
        """How many different texts its keyed letters and digits give, each as likely as any other."""
        return math.prod(_keyed(part) for part in self.parts)

    @property
    def texts(self) -> int:
        """How many different fakes there are, at most."""
        return self.keyed * math.prod(len(set(part.entries)) for part in self.parts if isinstance(part, Pick))

    def with_code(self, limit: int | None) -> Form | None:
        """The same fakes, each with a code behind it that makes it unique; None where `limit` leaves no room."""
        room = None if limit is None else limit - CODE_LENGTH - 1
        if room is not None and room < 1:
            return None
        form = self if room is None or self.longest <= room else self.cut(room)
        if room is not None and form.longest > room:
            return None
        return Form((*form.parts, Fixed(" "), Code(CODE_LENGTH)))

    def cut(self, limit: int) -> Form:
        """The same fakes, the picked part cut so that none is longer than `limit` characters.

        An original gets the same entry whatever the limit, so a name in a narrow column is the beginning of
        the name in a wide one.
        """
        room = limit - sum(max(_lengths(part)) for part in self.parts if not isinstance(part, Pick | PickByLength))
        if room < 0:
            return self
        return Form(tuple(_cut_part(part, room) for part in self.parts))


def _keyed(part: Part) -> int:
    match part:
        case Code(length):
            return int(len(CODE_LETTERS) ** length)
        case Digits(length):
            return int(10**length)
        case Letters():
            return part.texts
        case _:
            return 1


def _lengths(part: Part) -> list[int]:
    match part:
        case Fixed(text):
            return [len(text)]
        case Pick(entries):
            return [len(entry) for entry in entries]
        case PickByLength(_, pools):
            return [len(entry) for pool in pools for entry in pool]
        case Code(length) | Digits(length):
            return [length]
        case Letters(places):
            return [len(places)]


def _cut_part(part: Part, room: int) -> Part:
    match part:
        case Pick(entries):
            return Pick(tuple(cut_text(entry, room) for entry in entries))
        case PickByLength(first, pools):
            return PickByLength(first, tuple(tuple(cut_text(entry, room) for entry in pool) for pool in pools))
        case _:
            return part


def cut_text(text: str, limit: int) -> str:
    """`text` if it has at most `limit` characters, else its beginning, without a dangling blank or mark."""
    if len(text) <= limit:
        return text
    return text[:limit].rstrip(" ,.-/&") or text[:limit]


def one_line(text: str) -> str:
    """`text` without breaks of its lines, and blanks around it."""
    return text.replace("\n", ", ").strip()


class Source:
    """A Faker with a fixed seed: the same version and locale always make the same pools."""

    def __init__(self, faker: Faker, seed: str) -> None:
        self.faker = faker
        self.faker.seed_instance(seed)

    def texts(self, make: Callable[[], str], size: int = POOL_SIZE) -> tuple[str, ...]:
        """Up to `size` different texts of one line, in the order in which they were made."""
        return self.distinct(lambda: one_line(make()), size)

    def distinct(self, make: Callable[[], T], size: int = POOL_SIZE) -> tuple[T, ...]:
        """Up to `size` different things that are not empty, in the order in which they were made."""
        found: dict[T, None] = {}
        for _ in range(size * 2):
            if thing := make():
                found[thing] = None
            if len(found) == size:
                break
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Family:
    """One word of the ruleset.

    Attributes:
        name: the word.
        about: what the fakes look like, in a few words.
        build: makes the form from a seeded Faker.
        cut: whether a fake may be cut to fit a narrow column.
        digits: whether every fake is a number of at most nine digits, fit for a column of integers.
        common: whether the originals are what many people have in common, such as a town, or name things and not
            people, such as a title: then one of them tells of nobody where it stands alone.
        network: whether every fake fits a column of network addresses.
    """

    name: str
    about: str
    build: Callable[[Source], Form]
    cut: bool = False
    digits: bool = False
    common: bool = False
    network: bool = False

    @property
    def group(self) -> str:
        """What it has in common with others that tell the same person, place or company."""
        return self.name.partition(".")[0]
