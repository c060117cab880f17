"""What a fake is made of, so that the engine can make a whole column of them without making each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from faker import Faker

# Crockford's base 32 in lower case: letters and digits that are not taken for each other. A run of nine
# digits, which would look like a number of the data, comes up in fewer than one code of ten thousand.
CODE_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"

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


Part: TypeAlias = Fixed | Pick | PickByLength | Code | Digits


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

    def cut(self, limit: int) -> Form:
        """The same fakes, the picked part cut so that none is longer than `limit` characters.

        An original gets the same entry whatever the limit, so a name in a narrow column is the beginning of
        the name in a wide one.
        """
        room = limit - sum(max(_lengths(part)) for part in self.parts if not isinstance(part, Pick | PickByLength))
        return Form(tuple(_cut_part(part, room) for part in self.parts))


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


class Source:
    """A Faker with a fixed seed: the same version and locale always make the same pools."""

    def __init__(self, faker: Faker, seed: str) -> None:
        self.faker = faker
        self.faker.seed_instance(seed)

    def distinct(self, make: Callable[[], str], size: int = POOL_SIZE) -> tuple[str, ...]:
        """Up to `size` different texts of one line, in the order in which they were made."""
        found: dict[str, None] = {}
        for _ in range(size * 2):
            text = make().replace("\n", ", ").strip()
            if text:
                found[text] = None
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
    """

    name: str
    about: str
    build: Callable[[Source], Form]
    cut: bool = False
    digits: bool = False
    common: bool = False
