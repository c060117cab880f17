"""One publication: what everybody who has a part in it is given, and how its checks look."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from dmrefresh.dump.events import Head
from dmrefresh.dump.judging.after_load import Script
from dmrefresh.dump.text.limits import Limits
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.loading.compression import Compression
from dmrefresh.stopwatch import Stopwatch

DumpOthers: TypeAlias = Callable[[int, Mapping[str, str], Sequence[str]], Generator[bytes]]
"""Gives the plain text of a dump of a database, by a pg_dump for servers of this major version, told by libpq's
keywords how to get in, and the options; nothing is begun before it is read. Raises UsageFailure where there is none."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One publication: where to, what, and who is told.

    Attributes:
        connection: a session on the target, in autocommit mode.
        url: the target's, for further sessions.
        head: the dump's.
        run: the run's identifier.
        maintenance: the name of another database of the server, from which the target can be renamed.
        observer, stopwatch: are told about steps and seconds.
        keep_previous: how long the data of before is kept for a rollback; None for not at all.
        guard: is asked again right before the commit.
        script: what is run and checked once the rows are loaded.
        connections: how many sessions load at once, with `database`.
        toast_compression: how the server compresses long values of what is loaded; None for as it does by default.
        dump_others: with `database`, dumps what is to be carried over of the target's own; without it, that refuses.
        limits: how much of such a dump may be held in memory.
    """

    connection: Connection
    url: str = field(repr=False)
    head: Head
    run: str
    maintenance: str
    observer: Observer
    stopwatch: Stopwatch
    keep_previous: timedelta | None = None
    guard: Guard = field(default_factory=Guard)
    script: Script = field(default_factory=Script)
    connections: int = 2
    toast_compression: Compression | None = None
    dump_others: DumpOthers | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def schemas(self) -> tuple[str, ...]:
        """The schemas in which the dump makes something."""
        return self.head.schema.schemas

    @property
    def name(self) -> str:
        """The target database's name."""
        return self.connection.info.dbname


Check = Callable[[Errand], None]
"""Looks at the target, changes nothing, and raises a Failure where the strategy cannot do."""
