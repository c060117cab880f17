"""A dump of a newer PostgreSQL than the target: both versions are named in what fails because of that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from dmrefresh.dump.events import Head
from dmrefresh.errors import ChecksFailed, DumpRefused
from dmrefresh.postgres.failures import NotUnderstood, RowsNotTaken

_MAJOR = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Newer:
    """A dump and a target of which the target is the older.

    Attributes:
        dumped: the server that was dumped, such as `17.10` or `18beta1`.
        written: the pg_dump that wrote it.
        target: the target's own version.
        major: the newer major version of the two above.
        server: whether the server dumped is newer, and not the pg_dump alone.
    """

    dumped: str
    written: str
    target: str
    major: int
    server: bool

    @classmethod
    def of(cls, head: Head, target: str) -> Self | None:
        """Both versions, or None where the target is as new as the dump.

        Args:
            head: the dump's.
            target: the target's version.
        """
        dumped, written = _major(head.server_version), _major(head.dump_version)
        newest = max(dumped, written)
        if newest <= _major(target):
            return None
        return cls(head.server_version, head.dump_version, target, newest, dumped > _major(target))

    def __str__(self) -> str:
        origin = f"comes from PostgreSQL {self.dumped}"
        if not self.server:
            origin = f"was written by pg_dump {self.written}"
        return f"The dump {origin}, the target is PostgreSQL {self.target}."

    @property
    def hint(self) -> str:
        """What to do where the target does not take the dump."""
        target = f"refresh a target of version {self.major} or later"
        return target if self.server else f"{target}, or make the dump with the target's own pg_dump"


@contextmanager
def blaming(newer: Newer | None) -> Iterator[None]:
    """Name both versions in what is refused inside the block, where the dump is of a newer one.

    Args:
        newer: both versions; with None, failures pass as they are.

    Raises:
        DumpRefused: what was refused, or asks the target for what it does not know.
        ChecksFailed: a row was not taken, for which the versions need not be the reason.
    """
    try:
        yield
    except (DumpRefused, NotUnderstood, RowsNotTaken) as failure:
        if newer is None:
            raise
        what = f"{failure.what} {newer}"
        if isinstance(failure, RowsNotTaken):
            raise ChecksFailed(what, hint=f"if the versions are why, {newer.hint}") from None
        hint = newer.hint if isinstance(failure, NotUnderstood) else failure.hint
        raise DumpRefused(what, hint=hint) from None


def _major(version: str) -> int:
    found = _MAJOR.match(version)
    return int(found[0]) if found else 0
