"""Signals end a run in order: they become an exception, so that every `finally` on the way out runs.

So does the deadline of a run, which is a signal that it sends itself. On the way out no other exception comes: a second
SIGINT, or ten seconds that have gone by, only cut short what is waited for there. What must not be lost is not waited
for: it is rolled back, or removed, all the same.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from dmrefresh.durations import spoken
from dmrefresh.errors import CommitInDoubt, DeadlinePassed, PublishedButUnfinished

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_AGAIN = 1.0
"""Seconds after which a deadline that came while signals were held comes again."""
_PATIENCE = 10.0
"""Seconds that the way out may take before it is cut short by itself."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to end; no `except Exception` can swallow it.

    As a KeyboardInterrupt, it makes psycopg cancel the statement that is running.

    Args:
        number: the signal's number; the exit code is 128 more.

    Attributes:
        state: what there is now, in a sentence, where whoever was ended knows it better; None else.
        hint: what to do then, if that is not to run it again.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.state: str | None = None
        self.hint: str | None = None


class _State:
    held = False
    missed: int | None = None
    ended: int | None = None
    """What has ended the run: all that goes on is the way out."""
    hurried = False
    done = False


_waiting: list[Callable[[], object]] = []
"""What ends at once that which is waited for, each until it has come to its end."""


def install() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise `Interrupted` in the main thread.

    Whoever started us may have had SIGCHLD ignored. Then the kernel tells nobody how a child has ended, Python takes
    that for exit status 0, and a gpg that failed would have succeeded.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _State.held = False
    go_on()
    for number in _ENDING:
        signal.signal(number, _handle)


def go_on() -> None:
    """What was ended was only a part: signals mean what they meant before it."""
    _State.ended, _State.hurried, _State.done = None, False, False


def over() -> None:
    """Hold signals off for good: how the run has ended is known, and only has to be said."""
    _State.held = _State.done = True


def settled() -> bool:
    """Whether nobody is to be waited for without an end: it is known how the run ends, and no signal ends the wait."""
    return _State.done or _State.ended is not None


def _handle(number: int, frame: FrameType | None) -> None:
    if _State.held:
        if number in _ENDING:  # a deadline comes again by itself
            _State.missed = _State.missed or number
        return
    if _State.ended is None:
        _State.ended = number
        signal.signal(signal.SIGALRM, _handle)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE, _AGAIN)
        raise Interrupted(number)
    # One exception is enough: a second one would break off the way out half way.
    if number in (signal.SIGINT, signal.SIGALRM):
        _State.hurried = True
        for cut_short in list(_waiting):
            with contextlib.suppress(Exception):
                cut_short()


def hurried() -> bool:
    """Whether nothing is to be waited for any more, on the way out of a run that was ended."""
    return _State.hurried


@contextmanager
def cut_short_by(deed: Callable[[], object]) -> Iterator[None]:
    """Have what the block waits for ended at once, should the way out be hurried.

    Args:
        deed: what ends it; it is called in the middle of anything, in the main thread, and waits for nobody.
    """
    _waiting.append(deed)
    try:
        yield
    finally:
        _waiting.remove(deed)


def tell_ending() -> None:
    """Raises Interrupted again where a signal has ended the run: what failed on the way out must not hide that."""
    if _State.ended is not None and threading.current_thread() is threading.main_thread():
        raise Interrupted(_State.ended)


def ended() -> bool:
    """Whether a signal, or its deadline, has ended the run."""
    return _State.ended is not None


def join(thread: threading.Thread, seconds: float) -> None:
    """Wait for a thread, unless the way out is hurried."""
    end = time.monotonic() + seconds
    while thread.is_alive() and not _State.hurried and (left := end - time.monotonic()) > 0:
        thread.join(min(left, 0.05))


@contextmanager
def held_from_here() -> Iterator[None]:
    """Hold signals off in the block, and for the rest of the run if it succeeds; if it fails, they end the run now.

    What the block does cannot be undone, only finished; once it is done there is nothing left to stop. Where nobody
    knows whether it is done, or where it is but for something less, they go on being ignored: to be ended by one
    would be told as if it were not done.
    """
    _State.held, _State.missed, _State.done = True, None, True
    try:
        yield
    except (CommitInDoubt, PublishedButUnfinished):
        raise
    except BaseException:
        _State.held = _State.done = False
        _hear_missed()
        raise


def _hear_missed() -> None:
    """Raises Interrupted where a signal came while it was held off."""
    if _State.missed is not None and threading.current_thread() is threading.main_thread():
        _handle(_State.missed, None)


@contextmanager
def held() -> Iterator[None]:
    """Hold signals off in the block, which is a short one; what came meanwhile ends the run after it.

    They come in the main thread alone: in another one there is nothing to hold.
    """
    if _State.held or threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.held, _State.missed = True, None
    try:
        yield
    finally:
        _State.held = False
        _hear_missed()


@contextmanager
def heard_again(*, missed: bool = False, open_again: bool = False) -> Iterator[None]:
    """Let signals end the block, though they were held before it: what it does may be broken off.

    Args:
        missed: whether one that came while they were held ends it too, before it has begun.
        open_again: whether it decides how the run ends, so that this is not settled as long as it goes on.
    """
    before, (_State.held, _State.done) = (_State.held, _State.done), (False, _State.done and not open_again)
    try:
        if missed:
            _hear_missed()
        yield
    finally:
        _State.held, _State.done = before


@contextmanager
def deadline(length: timedelta) -> Iterator[None]:
    """End the block in order when it takes longer, as a signal would; what is held from signals is held from this.

    The block is a run: whatever became of one before it in this process, signals mean in it what they mean at first.
    Only the main thread can be ended like this: in another one there is no deadline.

    Args:
        length: how long the block may take.

    Raises:
        DeadlinePassed: it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.held = False
    go_on()
    before = signal.signal(signal.SIGALRM, _handle)
    signal.setitimer(signal.ITIMER_REAL, length.total_seconds(), _AGAIN)
    try:
        yield
    except Interrupted as interrupted:
        if interrupted.number != signal.SIGALRM:
            raise
        raise DeadlinePassed(
            f"The run was ended by its deadline of {spoken(length)}.",
            hint="find out what took so long, or set a later one: deadline under [job] in dmrefresh.toml",
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)
