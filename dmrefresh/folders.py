"""Folders for the length of a run: private, gone on every way out, and after a kill with the next run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

_IN_USE = "in-use"


@contextlib.contextmanager
def private_folder(place: Path, prefix: str) -> Iterator[Path]:
    """A new folder that only its owner may enter; whoever makes it holds a lock in it.

    Args:
        place: where it is made.
        prefix: its name's beginning, by which `sweep` finds it.

    Raises:
        OSError: it cannot be made.
    """
    # Locked before it takes the name that the sweep looks for, so that no other run takes it for a left-over.
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=place))
    lock = os.open(folder / _IN_USE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = folder.rename(place / f"{prefix}{folder.name.removeprefix('.new-')}")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(place: Path, prefix: str, before: Callable[[Path], None] = lambda folder: None) -> None:
    """Remove folders that a killed run left: those of ours whose lock nobody holds.

    Args:
        place: where they are.
        prefix: what their names begin with.
        before: is given each, before it is removed.
    """
    for folder in place.glob(f"{prefix}*"):
        try:
            if folder.stat().st_uid != os.geteuid():
                continue
            lock = os.open(folder / _IN_USE, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            before(folder)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
