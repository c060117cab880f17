"""What this process, or another one, has started; children come and go while they are looked at."""

from __future__ import annotations

from contextlib import suppress

import psutil


def children(pid: int | None = None, *, recursive: bool = False) -> list[tuple[psutil.Process, str, list[str]]]:
    """Children that are there, with their names and their arguments; nobody waits for a zombie, which has none.

    Args:
        pid: whose; this process's own if None.
        recursive: also those of children.
    """
    found: list[tuple[psutil.Process, str, list[str]]] = []
    with suppress(psutil.NoSuchProcess):
        for one in psutil.Process(pid).children(recursive=recursive):
            with suppress(psutil.NoSuchProcess):
                name, arguments = one.name(), list[str]()
                with suppress(psutil.ZombieProcess):
                    arguments = one.cmdline()
                found.append((one, name, arguments))
    return found


def named(*names: str, pid: int | None = None, recursive: bool = False) -> list[psutil.Process]:
    """Children of these names."""
    return [one for one, name, _ in children(pid, recursive=recursive) if name in names]
