"""A file that a command writes for somebody: new, unless it is to take the place of one."""

from __future__ import annotations

from pathlib import Path

from dmrefresh.errors import UsageFailure


def refuse_to_overwrite(file: Path, *, force: bool, instead: str, elsewhere: str) -> None:
    """Find out before anything is read whether a file can be written.

    Args:
        file: where.
        force: it may take the place of one that is there.
        instead: what to do where it is there.
        elsewhere: what to do where its folder is not.

    Raises:
        UsageFailure: the file is there, or its folder is not.
    """
    if file.exists() and not force:
        raise UsageFailure(f"{file} is there already, and nothing was written.", hint=instead)
    if not file.parent.is_dir() or file.is_dir():
        raise UsageFailure(f"{file} cannot be written.", hint=elsewhere)


def write(file: Path, text: str, *, force: bool, elsewhere: str) -> None:
    """Write it.

    Args:
        file, force, elsewhere: as above.
        text: what it holds.

    Raises:
        UsageFailure: it cannot be written, or somebody else has written the file meanwhile.
    """
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageFailure(f"{file} cannot be written: {error.strerror}.", hint=elsewhere) from None
