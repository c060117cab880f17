"""config show: what holds, and who says so; nothing that lets anybody in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dmrefresh.durations import spoken
from dmrefresh.postgres.reach.conninfo import masked
from dmrefresh.settings.cloud_foundry import CloudFoundry
from dmrefresh.settings.loading import Gathered, Key
from dmrefresh.settings.model import Loaded
from dmrefresh.settings.writing import as_toml

_DEFAULT = "default"
_PLACES = ("sources", "targets")
_LISTS_OF_COMMANDS = ("before", "after")
_USERINFO = re.compile(r"(?<=://)([^:/?#\s]*):[^?#\s]*@")
"""In a URL of any sort: everything to the last @ before the query, since passwords may hold what should be escaped."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it may be shown.

    Attributes:
        key: its way through the tables, such as `targets.local.url`.
        value: what holds, secrets masked; None where nothing is set.
        origin: the file or the environment variable that says it, or `default`.
    """

    key: str
    value: object
    origin: str


def shown(loaded: Loaded) -> list[Shown]:
    """Every setting that holds, in the order in which the sections are documented."""
    return [
        Shown(".".join(_spelt(part) for part in key), _plain(value, key), _origin(loaded.gathered, key))
        for key, value in _leaves(loaded.settings, ())
    ]


def as_lines(loaded: Loaded) -> str:
    """The settings as TOML, which might be a file of its own, with the origins as comments."""
    files = ", ".join(str(file) for file in loaded.gathered.files) or "none"
    lines = [(f"# files read: {files}", "")]
    for one in shown(loaded):
        left = f"# {one.key} is not set" if one.value is None else f"{one.key} = {as_toml(one.value)}"
        lines.append((left, "" if one.value is None and one.origin == _DEFAULT else f"# {one.origin}"))
    width = min(max(len(left) for left, right in lines if right), 60) if len(lines) > 1 else 0
    return "\n".join(f"{left:<{width}}  {right}" if right else left for left, right in lines)


def as_json(loaded: Loaded) -> str:
    """The settings as one JSON object."""
    listed = [{"key": one.key, "value": one.value, "origin": one.origin} for one in shown(loaded)]
    files = [str(file) for file in loaded.gathered.files]
    return json.dumps({"version": 1, "files": files, "settings": listed}, indent=2, ensure_ascii=False)


def _leaves(value: object, key: Key) -> Iterator[tuple[Key, object]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*key, name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, (*key, str(name)))
    else:
        yield key, value


def _origin(gathered: Gathered, key: Key) -> str:
    return gathered.origins.get(key, _DEFAULT)


def _plain(value: object, key: Key) -> Any:
    """A value as JSON and TOML know it, masked."""
    if isinstance(value, str):
        if key[0] == "notify" and key[-1].endswith("url"):
            return "***"
        if key == ("cloud_foundry", "command"):
            return _line(value)
        is_place = key[0] in _PLACES and (key[-1] == "url" or (key[-1] == "scratch" and value != "embedded"))
        return masked(value) if is_place else _USERINFO.sub(r"\1:***@", value)
    if isinstance(value, tuple | list) and key[0] in _PLACES:
        return [_command(one, key) for one in value] if key[-1] in _LISTS_OF_COMMANDS else _command(value, key)
    if isinstance(value, tuple | list):
        return [_plain(one, key) for one in value]
    if isinstance(value, timedelta):
        return spoken(value)
    return str(value) if isinstance(value, Path) else value


def _command(argv: Sequence[str], key: Key) -> list[str]:
    """The program alone: its arguments may hold what lets one in, in any form."""
    more = len(argv) - 1
    counted = [f"and {more} argument{'s' if more > 1 else ''}"] if more > 0 else []
    return [_plain(one, key) for one in argv[:1]] + counted


def _line(command: str) -> str:
    """The same of a command that a shell reads; the one that is ours holds nothing."""
    if command == CloudFoundry().command:
        return command
    first, *more = command.split() or [""]
    counted = f" and {len(more)} more word{'s' if len(more) > 1 else ''}" if more else ""
    return re.sub("=.*", "=***", first) + counted


def _spelt(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=False)
