"""The page of settings: every key of dmrefresh.toml, with its kind, its default and what it is for."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dmrefresh.durations import spoken
from dmrefresh.settings import model
from dmrefresh.settings.model import Settings
from documenting.attributes import explained
from documenting.markdown import code, page, table

ABOUT = """
`dmrefresh.toml` is looked for from the current folder upwards. What it does not say is taken from
`~/.config/dmrefresh/dmrefresh.toml`. Tables merge by name, everything else is replaced; `--config FILE` takes that
file alone. An environment variable stands over both, and an option of the command line over all of them. Keys that
are not listed here are refused, with the one that may have been meant.

`dmrefresh config show` prints every setting that holds and who says so. Relative paths are relative to the file
that says them. A length of time is a whole number and a unit: `90 minutes`, `3 hours`, `7 days`.

Two things are different under `[production]` and for `not_production`: what several files list of production is
added up, so that no file lifts what another one guards, your own file counts with `--config` too, and a reason
counts only for the place that the same file names.
"""


def text() -> str:
    """What the page holds."""
    pieces = [ABOUT]
    for name, field in Settings.model_fields.items():
        section, many = _section(field)
        pieces += [f"## {name}", code(f"[{name}.NAME]" if many else f"[{name}]") + ": " + _about(section)]
        pieces.append(table(("key", "kind", "default", ""), _rows(section)))
        if not many and name in model.overridable():
            pieces.append(f"In the environment: `DMREFRESH_{name.upper()}_KEY`, the key in capitals.")
    return page("Settings", *pieces)


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Each section with its model."""
    for name, field in Settings.model_fields.items():
        yield name, _section(field)[0]


def _section(field: FieldInfo) -> tuple[type[BaseModel], bool]:
    """The model of a section, and whether there may be several of them."""
    inner = get_args(field.annotation)
    found = inner[1] if inner else field.annotation
    assert isinstance(found, type)
    assert issubclass(found, BaseModel)
    return found, bool(inner)


def _about(section: type[BaseModel]) -> str:
    first = " ".join((section.__doc__ or "").split())
    return first[:1].lower() + first[1:]


def _rows(section: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    said = explained(section)
    for name, field in section.model_fields.items():
        yield code(name), kind(field), _default(field), said.get(name, "")


def kind(field: FieldInfo) -> str:
    """What a setting's value is, in words."""
    bounds: dict[str, Any] = {}
    for one in field.metadata:
        bounds |= {name: getattr(one, name) for name in ("ge", "gt", "le", "lt") if hasattr(one, name)}
    words = _words(field.annotation)
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if isinstance(low, int | float) and isinstance(high, int | float):
        return f"{words}, {low} to {high}"
    return f"{words}, from {low} on" if isinstance(low, int | float) else words


def _words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _words(inner[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(one) for one in inner if one is not type(None))
    if origin is Literal:
        return " or ".join(code(str(one)) for one in inner)
    if origin is tuple:
        return f"list of {_several(_words(inner[0]))}"
    simple = {bool: "true or false", int: "whole number", float: "number", Path: "path", timedelta: "length of time"}
    return simple.get(annotation, "text")


def _several(words: str) -> str:
    if " or " in words:
        return words
    return {"text": "texts", "list of texts": "commands"}.get(words, words + "s")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if field.is_required() or value is None or value in ((), ""):
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, timedelta):
        return code(f'"{spoken(value)}"')
    if isinstance(value, tuple):
        return code("[" + ", ".join(f'"{one}"' for one in value) + "]")
    if isinstance(value, int | float) and not isinstance(value, Enum):
        return code(str(value))
    return code(f'"{value}"')
