"""Child processes: the one place that starts, feeds, drains and ends them.

Every child gets an argument list (never a shell), an environment built from an allow-list, a session of
its own (so that Ctrl-C reaches us and not it), and is killed and reaped on every way out.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dmrefresh.errors import ProgramFailed
from dmrefresh.machine import signals
from dmrefresh.machine.pipes import Feeder, drain, enlarge, output

FOR_CHILDREN = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "XDG_CONFIG_HOME")
"""Variables that every child gets of our environment."""
_TAIL = 64 * 1024
_LINE = 4096
"""Longest piece of a line that is passed on at once, in bytes."""
_GRACE = 5.0
"""Seconds for which what a child that has ended complained of is waited for."""
_FAREWELL = 2.0
"""Seconds that the threads of a child which has ended are waited for."""
PATIENCE = 300
"""Seconds in which a filter may stand still."""

_living: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True, slots=True)
class Completed:
    """What a short-lived child left: its exit status and all it wrote to standard output (bytes)."""

    returncode: int
    stdout: bytes


def environment(*prefixes: str) -> dict[str, str]:
    """The environment of a child: a few harmless variables and those beginning with `prefixes`."""
    return {k: v for k, v in os.environ.items() if k in FOR_CHILDREN or (prefixes and k.startswith(prefixes))}


def killed(program: str, returncode: int) -> ProgramFailed | None:
    """What to say of a child that a signal ended, which tells nothing of what it was given; None where none did.

    Args:
        program: what it is called.
        returncode: its exit status, or minus the number of the signal.
    """
    if returncode >= 0:
        return None
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return ProgramFailed(
        f"{program} was ended by {name} before it was done.",
        hint="did somebody end it, or had the machine no memory left?",
    )


def run(argv: Sequence[str], *, env: dict[str, str], stdin: bytes = b"", timeout: float = 60.0) -> Completed:
    """Run a child to its end, its output in memory and its standard error thrown away.

    Args:
        argv: the program and its arguments; they hold no secret, since anybody can read them.
        env: the child's whole environment.
        stdin: what it reads (bytes).
        timeout: seconds after which it is killed.

    Raises:
        FileNotFoundError: there is no such program.
        subprocess.TimeoutExpired: it did not end in time.
        ProgramFailed: a signal ended it.
    """
    with started(argv, env=env, stderr=subprocess.DEVNULL) as child, signals.cut_short_by(child.kill):
        stdout, _ = child.communicate(stdin, timeout=timeout)
    failure = killed(Path(argv[0]).name, child.returncode)
    if failure is not None:
        raise failure
    return Completed(child.returncode, stdout)


def relay(argv: Sequence[str], *, env: dict[str, str], on_line: Callable[[str], None], timeout: float) -> int:
    """Run a child to its end without input, passing on what it writes, line by line; returns its exit status.

    What it leaves running in the background is not waited for, and is ended with it only where it does not end well.

    Args:
        argv: the program and its arguments.
        env: the child's whole environment.
        on_line: is given each line of its standard output and error, in the order they come; a long one in pieces.
        timeout: seconds after which it is killed.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it did not end in time.
    """
    end = time.monotonic() + timeout
    with started(argv, env=env, stderr=subprocess.STDOUT) as child, selectors.DefaultSelector() as ready:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        ready.register(child.stdout, selectors.EVENT_READ)
        rest = b""
        try:
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    raise subprocess.TimeoutExpired(list(argv), timeout)
                ended = child.poll() is not None
                if ready.select(0 if ended else min(left, 1.0)):
                    block = os.read(child.stdout.fileno(), _TAIL)
                    if not block:
                        break
                    rest = _pass_lines(rest + block, on_line)
                elif ended:
                    break
            if rest:
                on_line(rest.decode(errors="replace"))
            return child.wait(max(end - time.monotonic(), 0.01))
        except BaseException:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            raise


def _pass_lines(text: bytes, on_line: Callable[[str], None]) -> bytes:
    """Pass on the whole lines; returns what is left of the last."""
    *lines, rest = text.split(b"\n")
    if len(rest) > _LINE:
        lines.append(rest)
        rest = b""
    for line in lines:
        for start in range(0, max(len(line), 1), _LINE):
            on_line(line[start : start + _LINE].decode(errors="replace"))
    return rest


def filter_through(
    argv: Sequence[str],
    blocks: Iterable[bytes],
    *,
    env: dict[str, str],
    pass_fds: Sequence[int] = (),
    on_start: Callable[[], None] = lambda: None,
    on_end: Callable[[int], None],
    said: bytearray | None = None,
    patience: int | None = None,
) -> Iterator[bytes]:
    """Yield what a child writes while it is fed `blocks`.

    Args:
        argv: the program and its arguments.
        blocks: what it reads; an exception raised in making them kills the child and is raised here.
        env: the child's whole environment.
        pass_fds: file descriptors it inherits beside the standard three.
        on_start: called once the child has them, so that our copies can be closed.
        on_end: called with the exit status when output and input have ended; it raises if the
            output is not to be believed.
        said: gets what it writes to standard error, the last 64 KiB of it, all of it once `on_end` is called; it is
            thrown away where nobody asks for it.
        patience: seconds in which it may take nothing of what is there for it, and write nothing; None: for ever.

    Raises:
        FileNotFoundError: there is no such program.
        ProgramFailed: it stands still.
    """
    with started(argv, env=env, pass_fds=pass_fds, stderr=subprocess.PIPE) as child:
        on_start()
        assert child.stdout is not None
        assert child.stderr is not None
        enlarge(child.stdin)
        enlarge(child.stdout)
        listener = threading.Thread(target=drain, args=(child.stderr, said), daemon=True)
        listener.start()
        feeder = Feeder(child, blocks)
        feeder.start()
        try:
            yield from output(child, feeder, Path(argv[0]).name, patience)
            feeder.join()
            if feeder.error is not None:
                raise feeder.error
            returncode = child.wait()
            if said is not None:
                listener.join(_GRACE)
            on_end(returncode)
        finally:
            feeder.stopped = True
            child.kill()
            # What the blocks are made of may be silent, S3 for one; the thread ends by itself, or with us.
            signals.join(feeder, _FAREWELL)
            signals.join(listener, _FAREWELL)


def kill_all() -> None:
    """Kill whatever is still running; the last resort on the way out."""
    for child in list(_living):
        child.kill()


@contextlib.contextmanager
def started(
    argv: Sequence[str],
    *,
    env: dict[str, str],
    stderr: int,
    pipe: int = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
    with_all: bool = True,
) -> Iterator[subprocess.Popen[bytes]]:
    """A child for the length of the block, which leads a session of its own; it is killed and reaped at the end.

    Args:
        argv: the program and its arguments.
        env: the child's whole environment.
        stderr, pipe: what is its standard error, and its other two: descriptors, or what `subprocess` names so.
        pass_fds: file descriptors it inherits beside the standard three.
        with_all: `kill_all` kills it.

    Raises:
        OSError: it cannot be started.
    """
    child: subprocess.Popen[bytes] | None = None
    try:
        with signals.held():  # one that came in between would leave a child running that nobody knows
            child = subprocess.Popen(
                list(argv),
                stdin=pipe,
                stdout=pipe,
                stderr=stderr,
                env=env,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
                bufsize=0,
            )
            if with_all:
                _living.add(child)
        yield child
    finally:
        if child is not None:
            child.kill()
            child.wait()
            for stream in filter(None, (child.stdin, child.stdout, child.stderr)):
                with contextlib.suppress(OSError):
                    stream.close()
            _living.discard(child)
