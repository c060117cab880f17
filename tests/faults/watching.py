"""What anybody on the machine can see of a run: arguments, environments, and what lies in files that are open."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dmrefresh.keys.private import memory_backed_storage

_IN_MEMORY = {"tmpfs", "ramfs", "proc", "devpts", "devtmpfs", "sysfs"}
_LARGEST = 64 << 20
"""Bytes of a file that are searched."""

# Notes its arguments and its environment, and becomes the program that it stands in front of.
_NOTING = """#!{python} -ISs
import json, os, sys
with open({notes!r}, "a") as notes:
    notes.write(json.dumps([{name!r}, sys.argv[1:], dict(os.environ)]) + "\\n")
os.execv({program!r}, [{program!r}, *sys.argv[1:]])
"""


@dataclass
class Watched:
    """What was seen of a run.

    Attributes:
        secrets: what is looked for in open files that lie on a disk.
        started: of the programs that were watched for, each time: its name, its arguments, its environment.
        arguments: of every process that was seen.
        files: names of the files that were searched.
        found: which secret was in which of them.
    """

    secrets: tuple[bytes, ...]
    started: list[tuple[str, list[str], dict[str, str]]] = field(default_factory=list)
    arguments: set[tuple[str, ...]] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    _looked_at: dict[tuple[int, int], int] = field(default_factory=dict)

    def environments(self, name: str) -> list[dict[str, str]]:
        """Of a program, each time it was started."""
        return [environment for program, _, environment in self.started if program == name]

    def look(self, pid: int) -> None:
        """Look at a process and all it has started, once."""
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            for one in [root, *root.children(recursive=True), *agents()]:
                with suppress(psutil.Error, OSError):
                    self.arguments.add(tuple(one.cmdline()))
                    self._search_files(one.pid)

    def _search_files(self, pid: int) -> None:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                about, name = descriptor.stat(), str(descriptor.readlink())
                file = (about.st_dev, about.st_ino)
                if not stat.S_ISREG(about.st_mode) or name.startswith("/memfd:") or about.st_size > _LARGEST:
                    continue
                if self._looked_at.get(file) == about.st_size or _filesystem(about.st_dev) in _IN_MEMORY:
                    continue
                self._looked_at[file] = about.st_size
                self.files.add(name)
                content = descriptor.read_bytes()
                self.found.update(f"{name}: {secret!r}" for secret in self.secrets if secret in content)


@contextmanager
def watching(pid: int, watched: Watched, seconds: float = 0.05) -> Iterator[None]:
    """Look at a process and all it starts, again and again for the length of the block."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(seconds):
            watched.look(pid)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def agents() -> Iterator[psutil.Process]:
    """gpg's agents of throw-away keyrings, which are nobody's children."""
    place = f"{memory_backed_storage()}/dmrefresh-"
    for one in psutil.process_iter(["cmdline"]):
        if any(argument.startswith(place) for argument in one.info["cmdline"] or ()):
            yield one


def put_in_front(folder: Path, programs: Iterable[str], path: str) -> str:
    """Put a program that notes how it was called in front of each of these; returns the PATH with which they are found.

    Args:
        folder: an empty one, for the programs and their notes.
        programs: names of programs.
        path: the PATH on which they are.
    """
    for name in programs:
        real = shutil.which(name, path=path)
        assert real is not None, name
        noting = folder / name
        noting.write_text(_NOTING.format(python=sys.executable, notes=str(folder / "notes"), name=name, program=real))
        noting.chmod(0o755)
    return f"{folder}{os.pathsep}{path}"


def notes(folder: Path) -> list[tuple[str, list[str], dict[str, str]]]:
    """What the programs have noted."""
    file = folder / "notes"
    return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def _filesystem(device: int) -> str:
    """The type of the file system with this device number (proc(5), mountinfo)."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""
