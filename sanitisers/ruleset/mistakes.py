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
