"""Mistakes in a ruleset: how they are raised, and how pydantic is told, so that a sentence comes out as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Problem(Exception):
    """A rule is not understood; the text says why."""


def mistake(sentence: str) -> PydanticCustomError:
    """What a validator raises about a mistake; the sentence says what is meant."""
    return PydanticCustomError("ruleset", "{problem}", {"problem": sentence})


def reading(parse: Callable[[], T]) -> T:
    """What `parse` gives, its Problem as a mistake."""
    try:
        return parse()
    except Problem as problem:
        raise mistake(str(problem)) from None


def names(raw: object) -> object:
    """One name, several with commas between them, or a list of names, as a tuple."""
    if isinstance(raw, str):
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    if isinstance(raw, list | tuple) and all(isinstance(name, str) for name in raw):
        return tuple(raw)
    raise mistake("one name is wanted here, or a list of names")
