"""Folders for the length of a run: private, in memory where need be, gone on every way out, also after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dmrefresh.errors import UsageFailure
from dmrefresh.machine import signals

_IN_USE = "in-use"
_NEW = ".new-"
_TRIES = 100
_IN_MEMORY = {"tmpfs", "ramfs"}
MEMORY = "tmpfs on XDG_RUNTIME_DIR or /dev/shm"
"""What `in_memory` looks for, for people."""


class NoRoom(UsageFailure):
    """The folder for temporary files has not enough room."""


def no_room(what: str, why: str) -> NoRoom:
    """What is told where something cannot be kept among the temporary files, and why."""
    return NoRoom(
        f"{what} cannot be kept in {tempfile.gettempdir()}: {why}.",
        hint="point TMPDIR to a folder with more room",
    )


def expanded(path: Path) -> Path:
    """The path with `~` as a home; as it is where there is no such home, and then there is nothing there."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


@contextlib.contextmanager
def private_folder(place: Path, prefix: str) -> Iterator[Path]:
    """A new folder that only its owner may enter; whoever makes it holds a lock in it.

    Args:
        place: where it is made.
        prefix: its name's beginning, by which `sweep` finds it.

    Raises:
        OSError: it cannot be made.
    """
    made: tuple[Path, int] | None = None
    try:
        with signals.held():  # one that came in between would leave a folder that nobody knows
            made = _locked(place, prefix)
        yield made[0]
    finally:
        if made is not None:
            with signals.held():  # nor is one to break off what takes it away
                shutil.rmtree(made[0], ignore_errors=True)
                os.close(made[1])


def _locked(place: Path, prefix: str) -> tuple[Path, int]:
    """A new folder, and the lock in it.

    It is locked before it takes its name, so that no other run takes it for a left-over; one that sweeps in the
    moment before that may still take it away, and then another is made.
    """
    for _ in range(_TRIES):
        new, lock = Path(tempfile.mkdtemp(prefix=f"{_NEW}{prefix}", dir=place)), -1
        try:
            lock = os.open(new / _IN_USE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            return new.rename(place / new.name.removeprefix(_NEW)), lock
        except OSError as error:
            if lock >= 0:
                os.close(lock)
            shutil.rmtree(new, ignore_errors=True)
            if not isinstance(error, FileNotFoundError):
                raise
    raise FileNotFoundError(place)


def sweep(place: Path, prefix: str, before: Callable[[Path], None] = lambda folder: None) -> None:
    """Remove folders that a killed run left: those of ours whose lock nobody holds.

    Args:
        place: where they are.
        prefix: what their names begin with.
        before: is given each, before it is removed.
    """
    for folder in [*place.glob(f"{prefix}*"), *place.glob(f"{_NEW}{prefix}*")]:
        try:
            if folder.stat().st_uid != os.geteuid():
                continue
            lock = os.open(folder / _IN_USE, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # killed before there was a lock in it; one that is made right now is empty no more
            if folder.name.startswith(_NEW):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            continue
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


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone whatever the umask says.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def in_memory() -> Path | None:
    """A folder in memory that we may write to; None where this machine has none (macOS has none)."""
    for candidate in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm", "/run/shm"):  # noqa: S108
        if candidate and os.access(candidate, os.W_OK | os.X_OK) and _filesystem(Path(candidate)) in _IN_MEMORY:
            return Path(candidate)
    return None


def _filesystem(path: Path) -> str:
    """The type of the file system that `path` lies on, from /proc/mounts (proc(5))."""
    best = ("", "")
    resolved = str(path.resolve())
    with (
        contextlib.suppress(OSError),
        Path("/proc/mounts").open(encoding="utf-8", errors="replace") as mounts,
    ):
        for line in mounts:
            _, mount, kind, *_ = line.split(" ")
            mount = mount.replace("\\040", " ")
            inside = resolved == mount or resolved.startswith(mount.rstrip("/") + "/")
            if inside and len(mount) >= len(best[0]):
                best = (mount, kind)
    return best[1]
