"""Several sessions at work at once, each in a thread of its own, told what to do by one that does the thinking.

The threads share nothing but queues: what is to be done goes in, what has been done comes out. Everything is decided
and remembered by the thread that has the crew, so no lock can be left held when a signal ends it half way.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import psycopg

from dmrefresh.machine import signals
from dmrefresh.postgres import Connection
from dmrefresh.postgres.loading.independence import Needs, collide
from dmrefresh.postgres.reach import connect

_AHEAD = 4
"""Items that a session has been given and not yet taken: a few blocks of rows."""
_WAITING = 100
"""Jobs that may wait for others; then nothing more is taken in."""
_PATIENCE = 5.0
"""Seconds for which a session is asked to break off, before its connection is cut."""

_END = object()
_LAST = object()


class _BrokenOff(Exception):
    """What a job meets in place of its next item when the crew is ended."""


@dataclass(eq=False, slots=True)
class Job:
    """Something to be done by one session.

    Args:
        work: does it, given a session, in autocommit mode, and the items that the job is given.
        needs: what it needs; see `independence`.
    """

    work: Callable[[Connection, Iterator[Any]], object]
    needs: Needs
    _by: _Member | None = None
    _ahead: int = 0


@dataclass(frozen=True, slots=True)
class _Took:
    job: Job


@dataclass(frozen=True, slots=True)
class _Done:
    by: _Member
    job: Job
    error: BaseException | None


class _Member(threading.Thread):
    """Does one job after the other, on one connection."""

    def __init__(self, connection: Connection, outbox: SimpleQueue[_Took | _Done]) -> None:
        super().__init__(name="dmrefresh-session", daemon=True)
        self.connection = connection
        self.inbox: SimpleQueue[object] = SimpleQueue()
        self.outbox = outbox
        self.ended = False

    def run(self) -> None:
        while not self.ended:
            job = self.inbox.get()
            if not isinstance(job, Job):
                return
            error: BaseException | None = None
            try:
                job.work(self.connection, self._items(job))
            except BaseException as caught:  # raised again by whoever has the crew
                error = caught
            self.outbox.put(_Done(self, job, error))

    def _items(self, job: Job) -> Iterator[Any]:
        while (item := self.inbox.get()) is not _LAST:
            if item is _END:
                self.ended = True
                raise _BrokenOff
            self.outbox.put(_Took(job))
            yield item


@dataclass(slots=True)
class Crew:
    """Sessions that work at once; all methods are for the one thread that has it. `crew` makes it.

    Whatever goes wrong in a session is raised, as it is, by the next method that hears of it.
    """

    _members: list[_Member]
    _outbox: SimpleQueue[_Took | _Done]
    _idle: list[_Member] = field(init=False)
    _waiting: list[Job] = field(default_factory=list)
    _running: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._idle = list(self._members)

    def submit(self, job: Job) -> None:
        """Let a job be done that takes no items, once nothing before it has what it needs."""
        self._take_in(job)
        while len(self._waiting) > _WAITING:
            self._hear()

    def give(self, job: Job, items: Iterator[Any]) -> None:
        """Have a job begun, and give it its items; it goes on with the last of them when this returns."""
        self._take_in(job)
        while job._by is None:
            self._hear()
        for item in items:
            while job._ahead >= _AHEAD:
                self._hear()
            self._hear_all()
            job._ahead += 1
            job._by.inbox.put(item)
        job._by.inbox.put(_LAST)

    def drain(self) -> None:
        """Wait until everything is done."""
        while self._running or self._waiting:
            self._hear()

    def _take_in(self, job: Job) -> None:
        self._waiting.append(job)
        self._hear_all()
        self._begin()

    def _begin(self) -> None:
        """Begin what can be: in order, and past what has to wait."""
        before = list(self._running)
        for job in list(self._waiting):
            if not self._idle:
                return
            if not any(collide(other.needs, job.needs) for other in before):
                self._waiting.remove(job)
                self._running.append(job)
                job._by = self._idle.pop()
                job._by.inbox.put(job)
            before.append(job)

    def _hear_all(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._note(self._outbox.get_nowait())

    def _hear(self) -> None:
        self._note(self._outbox.get())

    def _note(self, heard: _Took | _Done) -> None:
        if isinstance(heard, _Took):
            heard.job._ahead -= 1
            return
        self._running.remove(heard.job)
        if heard.error is not None:
            raise heard.error
        self._idle.append(heard.by)
        self._begin()


@contextlib.contextmanager
def crew(connections: Sequence[Connection]) -> Iterator[Crew]:
    """Put sessions to work for the length of the block; at its end none is at work any more.

    What is under way when the block fails is cancelled, and rolled back as its connection is closed.

    Args:
        connections: the sessions, which nobody else uses meanwhile unless the crew is drained.
    """
    outbox: SimpleQueue[_Took | _Done] = SimpleQueue()
    members = [_Member(connection, outbox) for connection in connections]
    try:
        for member in members:
            member.start()
        yield Crew(members, outbox)
    finally:
        _end(members)


def _end(members: list[_Member]) -> None:
    for member in members:
        member.inbox.put(_END)
    until = time.monotonic() + _PATIENCE
    while living := [member for member in members if member.is_alive()]:
        for member in living:
            member.join(0.05)
            if not member.is_alive():
                continue
            if time.monotonic() < until and not signals.hurried():
                # Again and again: a statement may have been on its way, and not yet there to be cancelled.
                with contextlib.suppress(psycopg.Error):
                    member.connection.cancel_safe(timeout=1.0)
            else:
                connect.cut(member.connection)
        if time.monotonic() > until + _PATIENCE:
            return  # they are daemons, and cannot hold up the exit
