"""A row of the table: what is done to a dump, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dmrefresh.dump.text.limits import Limits
from tests.dump.writing import BEGINNING, ENDING, PREAMBLE, USERS, a_dump
from tests.faults.world import World

CANARIES = ("canary", "hunter2")
"""In every personal value of these dumps; nowhere in anything that is said, and nowhere in a target."""

ROWS = b"""COPY public.users (id, email) FROM stdin;
1\tjane.canary@gov.uk
2\tjoe.canary@gov.uk
3\t\\N
\\.
"""
KEY = b"ALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);\n"
WHOLE = a_dump(USERS, ROWS, KEY)

RULES = "  users:\n    columns:\n      email: person.email\n"
NOTES = "  notes:\n    columns:\n      said: keep\n"
A_NOTES = b"CREATE TABLE public.notes (\n    id integer,\n    said text\n);\n"


@dataclass(frozen=True)
class Case:
    """A row.

    Attributes:
        id: the row of the fault matrix, with a letter where that row names several things.
        done: what is done, as a sentence.
        text: the dump, or what makes it.
        code: the exit code; 0 where the dump is published.
        says: a pattern for what the failure says with its hint, or else for a warning.
        rules: what stands under `tables:` in the ruleset, and behind it.
        rows: of these tables, the rows that are published, as COPY writes them.
        holds: what queries of a superuser answer afterwards.
        left_out: how many statements are left out, of these kinds.
        into: the target's major version.
        limits: the reader's.
        before: statements of a superuser in the target beforehand.
    """

    id: str
    done: str
    text: bytes | Callable[[World], bytes]
    code: int = 0
    says: str = ""
    rules: str = RULES
    rows: Mapping[str, bytes] = field(default_factory=dict)
    holds: Mapping[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    into: int = 16
    limits: Limits | None = None
    before: tuple[str, ...] = ()

    def dump(self, world: World) -> bytes:
        """The dump's text."""
        return self.text if isinstance(self.text, bytes) else self.text(world)

    def ruleset(self) -> str:
        """The ruleset's text."""
        tables = f"tables:\n{self.rules}" if self.rules else "tables: {}\n"
        return f"ruleset: 1\ndefaults:\n  id: keep\n  integer: keep\n{tables}"


def unrestricted(*parts: bytes, preamble: bytes = PREAMBLE) -> bytes:
    """A dump of the time before pg_dump told psql to run no commands."""
    beginning = BEGINNING.replace(b"\\restrict a1B2c3\n\n", b"")
    ending = ENDING.replace(b"\\unrestrict a1B2c3\n\n", b"")
    return a_dump(*parts, preamble=preamble, beginning=beginning, ending=ending)
