"""The files of a run's folder: the report as JSON, as a page, and the page's style beside it.

The page holds its style as well, so that it can be mailed; Jenkins shows only what lies beside it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dmrefresh.report import runs


def write_folder(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write the report of a run into its folder, which is made where it is not there.

    Args:
        folder: of the run.
        document: what the report says.

    Returns:
        the page.

    Raises:
        OSError: it cannot be written.
    """
    runs.made(folder)
    put(folder / runs.DATA, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return write_page(folder / runs.PAGE, document)


def write_page(file: Path, document: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> Path:
    """Write the report of a run as a page, and its style beside it.

    Args:
        file: the page.
        document: what the report says.
        other: the report of another run, which this one is compared with.

    Raises:
        OSError: it cannot be written.
    """
    from dmrefresh.report import page

    put(file.with_name(runs.STYLE), page.style())
    put(file, page.rendered(document, other))
    return file


def put(file: Path, text: str) -> None:
    """Write a file, which is there as a whole or not at all; what a name cannot be encoded with is escaped.

    Raises:
        OSError: it cannot be written.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_bytes(text.encode("utf-8", "backslashreplace"))
        new.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
