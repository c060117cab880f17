"""Runs programs and measures them: wall clock, CPU seconds, memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

_PAUSE = 0.05
"""Seconds between two looks at the memory."""

_PATIENCE = 30.0
"""Seconds that a program gets to stop in order when the comparison is given up."""


class ClientFailedError(RuntimeError):
    """A program ended with another status than 0; the text names it."""


@dataclass(frozen=True)
class Program:
    """A program to run.

    Attributes:
        name: what it is called in messages and figures.
        argv: the program and its arguments.
        variables: its whole environment.
        counted: whether its memory and CPU seconds count.
        quiet: whether what it says to standard error stays out of messages, since it might quote rows.
    """

    name: str
    argv: Sequence[str]
    variables: Mapping[str, str]
    counted: bool = True
    quiet: bool = True


@dataclass(frozen=True)
class Usage:
    """What running something took.

    Attributes:
        seconds: from the start of the first program to the end of the last.
        cpu_seconds: user and system time of the programs that count, children they waited for included.
        peak_memory: bytes, the most that they held together at one moment.
        memory: bytes, the most that each held, by name.
    """

    seconds: float
    cpu_seconds: float
    peak_memory: int
    memory: dict[str, int]


def run(programs: Sequence[Program], *, folder: Path) -> Usage:
    """Run programs to their ends, each reading what the one before it writes; the last one's output is dropped.

    Args:
        programs: one or several.
        folder: where they run.

    Raises:
        ClientFailedError: one of them failed.
    """
    began = time.monotonic()
    with _started(programs, folder) as running:
        counted = [child.pid for child, program in zip(running.children, programs, strict=True) if program.counted]
        with MemoryWatch(counted) as memory:
            used = [_wait(child) for child in running.children]
            seconds = time.monotonic() - began
        failed = [
            _sentence(program, child.returncode, said)
            for program, child, said in zip(programs, running.children, running.said, strict=True)
            if child.returncode != 0
        ]
    if failed:
        raise ClientFailedError("; ".join(failed))
    cpu = sum(own for own, program in zip(used, programs, strict=True) if program.counted)
    return Usage(seconds, cpu, memory.peak, memory.programs)


class MemoryWatch:
    """Looks at the memory of processes and of their descendants, from entry to exit, in a thread of its own.

    What it reads is the kernel's high-water mark (VmHWM, proc_pid_status(5)), which never falls, so that nothing
    but the last moments of a process is missed. `ru_maxrss` would not do: it begins with what the parent held
    when it forked (getrusage(2) tells of the process before exec(2) too).

    Args:
        roots: process ids.

    Attributes:
        peak: bytes, the largest sum over the processes that ran at one moment.
        programs: bytes, each program's highest, by its name.
    """

    def __init__(self, roots: Sequence[int]) -> None:
        self.peak = 0
        self.programs: dict[str, int] = {}
        self._roots = roots
        self._seen: set[int] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_PAUSE):
            self._look()

    def _look(self) -> None:
        found = {pid for root in self._roots for pid in _family(root)}
        together = 0
        # Seen for the first time, a process may be between fork and exec, and its memory still its parent's.
        for pid in found & self._seen:
            name, held = _high_water_mark(pid)
            together += held
            if held > self.programs.get(name, 0):
                self.programs[name] = held
        self._seen = found
        self.peak = max(self.peak, together)


@dataclass
class _Running:
    """Programs under way, and where each writes its standard error."""

    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    said: list[IO[bytes]] = field(default_factory=list)


@contextlib.contextmanager
def _started(programs: Sequence[Program], folder: Path) -> Iterator[_Running]:
    """Start them, pipes in between; whatever still runs at the end is ended."""
    running = _Running()
    with contextlib.ExitStack() as stack:
        stack.callback(_end, running.children)
        upstream: IO[bytes] | int = subprocess.DEVNULL
        for place, program in enumerate(programs, start=1):
            said = stack.enter_context(tempfile.TemporaryFile())
            child = subprocess.Popen(
                program.argv,
                stdin=upstream,
                stdout=subprocess.DEVNULL if place == len(programs) else subprocess.PIPE,
                stderr=said,
                env=dict(program.variables),
                cwd=folder,
            )
            if not isinstance(upstream, int):
                upstream.close()  # or the one before would never learn that its reader has gone
            running.children.append(child)
            running.said.append(said)
            if child.stdout is not None:
                upstream = child.stdout
        yield running


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(child: subprocess.Popen[bytes]) -> float:
    """Wait for its end; returns the CPU seconds of it and of the children that it waited for."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _sentence(program: Program, status: int, said: IO[bytes]) -> str:
    ended = f"{program.name} ended with {status}"
    if program.quiet:
        return ended
    said.seek(0)
    return f"{ended}:\n{said.read().decode(errors='replace')}"


def _family(root: int) -> Iterator[int]:
    """A process and all below it; each thread has children of its own (proc_pid_task(5), proc_tid_children(5))."""
    yield root
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{root}/task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                yield from _family(int(child))


def _high_water_mark(pid: int) -> tuple[str, int]:
    """A process's name and the most memory it has held (bytes); 0 where it is gone."""
    status: dict[str, str] = {}
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return status.get("Name", ""), int(status.get("VmHWM", "0 kB").split()[0]) * 1024
