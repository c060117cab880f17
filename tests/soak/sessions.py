"""An application that is at work all the time, over connections that last: it reads, and it writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg

from tests.soak.editions import LOOK, NotWhole, version_of

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
Work: TypeAlias = Callable[[Connection], list[int]]
"""Does something over a connection; returns the editions that it saw, one after the other."""

_PAUSE = 0.03
"""Seconds between two pieces of work, at least."""
_REST = 5
"""So many times as long as a piece of work took, there is rest after it: others want the machine too."""
_PATIENCE = 300.0
"""Seconds after which somebody who cannot get in, or waits for an answer, is lost."""
_ENDED = ("57P01", "57P02", "57P03")
"""The server ends a session, crashes, or does not let anybody in: PostgreSQL's Appendix A."""
_MEMORY = "SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts"


def looks(connection: Connection) -> list[int]:
    """Everything, in one statement."""
    return [version_of(connection.execute(LOOK.encode()).fetchall())]


def looks_twice(connection: Connection) -> list[int]:
    """Everything, twice in a transaction with one snapshot."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return [version_of(connection.execute(LOOK.encode()).fetchall()) for _ in range(2)]


def glances(connection: Connection) -> list[int]:
    """The number of the edition alone."""
    rows = connection.execute("SELECT version FROM edition").fetchall()
    if len(rows) != 1:
        raise NotWhole(f"{len(rows)} editions at once")
    return [rows[0][0]]


def writes(connection: Connection) -> list[int]:
    """One row, over and over."""
    rows = connection.execute("UPDATE item SET touched = now() WHERE id = %s RETURNING version", (7,)).fetchall()
    if len(rows) != 1:
        raise NotWhole(f"{len(rows)} rows to write to")
    return [rows[0][0]]


WORKS: tuple[Work, ...] = (looks, looks_twice, glances, writes)


@dataclass
class Session:
    """One client, in a thread of its own; where its connection is ended, it comes back at once.

    Attributes:
        url: where it finds the target now; a server that is started again has another port.
        work: what it does.
        versions: the editions it saw since `begin`, each once as long as it stays the same.
        wrong: what it met that nobody may meet, in sentences.
        ended: how often its connection was ended since `begin`.
        longest: the longest that one piece of work took since `begin`, in seconds.
        away: the longest that it had no connection since `begin`, in seconds.
        memory: bytes that its server process held when it was last asked.
    """

    url: Callable[[], str]
    work: Work
    versions: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ended: int = 0
    longest: float = 0.0
    away: float = 0.0
    memory: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._changing = threading.Lock()
        self._ask = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return self.work.__name__

    def begin(self) -> None:
        """Forget all but the edition that was seen last."""
        with self._changing:
            self.versions = self.versions[-1:]
            self.wrong, self.ended, self.longest, self.away = [], 0, 0.0, 0.0

    def settle(self) -> None:
        """Wait until it has done what began after this moment; whoever cannot is noted as lost."""
        self._ask.set()
        enough, deadline = self.done + 2, time.monotonic() + _PATIENCE
        while self.done < enough:
            if time.monotonic() > deadline or not self._thread.is_alive():
                self.wrong.append(f"{self.name} is lost")
                return
            time.sleep(0.005)

    def end(self) -> None:
        self._over.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        since = time.monotonic()
        while not self._over.is_set():
            connection: Connection | None = None
            try:
                with psycopg.connect(
                    self.url(), autocommit=True, prepare_threshold=0, connect_timeout=60
                ) as connection:
                    self.away = max(self.away, time.monotonic() - since)
                    self._works(connection)
            except psycopg.Error as error:
                since = self._lost(connection, error, since)
            time.sleep(_PAUSE)

    def _lost(self, connection: Connection | None, error: psycopg.Error, since: float) -> float:
        """Note why there is no connection; since when there is none."""
        if connection is None:  # nobody is let in
            return since
        if not (connection.broken or error.sqlstate in _ENDED):
            self.wrong.append(f"{self.name} met {type(error).__name__} ({error.sqlstate})")
        self.ended += 1
        return time.monotonic()

    def _works(self, connection: Connection) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                seen = self.work(connection)
            except NotWhole as what:
                self.wrong.append(f"{self.name} saw {what}")
                seen = []
            self.longest = max(self.longest, time.monotonic() - began)
            with self._changing:
                for version in seen:
                    if self.versions[-1:] != [version]:
                        self.versions.append(version)
            self.done += 1
            if self._ask.is_set():
                row = connection.execute(_MEMORY).fetchone()
                self.memory = row[0] if row else 0
                self._ask.clear()
            time.sleep(max(_PAUSE, _REST * (time.monotonic() - began)))
