"""Which dumps were listed last on this machine, so that a shell can complete their names without asking anybody."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import platformdirs

from dmrefresh.machine.folders import make_private

if TYPE_CHECKING:
    from dmrefresh.bucket.store import Store

_FILE = "names.json"
_MOST = 100
"""Names that are kept of each bucket, and buckets."""
_LONGEST = 1 << 20
"""Bytes that are read of the file."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


def remember(store: Store, names: Iterable[str]) -> None:
    """Note the names of dumps in a bucket, the newest first; where they cannot be kept, nothing is lost.

    Args:
        store: the bucket.
        names: of the dumps that were listed. What is known of other stages in it stays.
    """
    bucket = _place(store.bucket, store.endpoint_url)
    listed = [name for name in names if _NAME.fullmatch(name)]
    stages = {name.rpartition("-")[0] for name in listed}
    held = _held()
    others = [name for name in held.pop(bucket, []) if name.rpartition("-")[0] not in stages]
    held = {bucket: (listed[: _MOST // 2] + others)[:_MOST], **dict(list(held.items())[: _MOST - 1])}
    with contextlib.suppress(OSError, RuntimeError):
        folder = _folder()
        make_private(folder)
        number, new = tempfile.mkstemp(prefix=_FILE, dir=folder)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as stream:
                json.dump(held, stream)
            Path(new).replace(folder / _FILE)
        except OSError:
            Path(new).unlink(missing_ok=True)


def seen(bucket: str, endpoint_url: str | None) -> list[str]:
    """The names that were listed last in a bucket, the newest first; none where there is no note of them.

    Args:
        bucket: its name.
        endpoint_url: where its store listens; None for AWS.
    """
    return _held().get(_place(bucket, endpoint_url), [])


def _place(bucket: str, endpoint_url: str | None) -> str:
    """What a bucket is noted as: other stores have buckets of the same name. A password in a URL is left out."""
    if endpoint_url is None:
        return bucket
    with contextlib.suppress(ValueError):
        parts = urlsplit(endpoint_url)
        return f"{bucket} at {parts.hostname}:{parts.port}"
    return f"{bucket} elsewhere"


def _held() -> dict[str, list[str]]:
    try:
        with (_folder() / _FILE).open("rb") as stream:
            found = json.loads(stream.read(_LONGEST))
    except (OSError, ValueError, RuntimeError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        str(bucket): [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)]
        for bucket, names in found.items()
        if isinstance(names, list)
    }


def _folder() -> Path:
    """Where the note is; raises RuntimeError where this user has no home."""
    return Path(platformdirs.user_cache_dir("dmrefresh"))
