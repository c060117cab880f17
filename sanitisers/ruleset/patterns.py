"""Patterns of a fixed length, such as `[A-Z]{2}-[0-9]{6}`: a few marks of regular expressions, read exactly."""

from __future__ import annotations

import re
import string

from sanitisers.ruleset.mistakes import Problem

LONGEST = 200
"""Characters of a text."""
_CLASSES = {"d": string.digits, "w": string.ascii_letters + string.digits + "_"}
_TIMES = re.compile("[0-9]{1,3}")
_SPECIAL = set("[](){}*+?|^$.\\")


def parse_pattern(text: str) -> tuple[str, ...]:
    """The letters that each place of a text may have.

    A place is a character, a class of them (`[A-Z0-9]`, `\\d` for a digit, `\\w` for a letter, a digit or `_`), and may
    be repeated (`{6}`). A backslash takes its meaning from a mark. `^` and `$` may stand at the ends.

    Raises Problem, which names the place of what is not understood, from 1.
    """
    reading = _Reading(text.removeprefix("^"), len(text) - len(text.removeprefix("^")))
    places: list[str] = []
    while (letters := reading.place()) is not None:
        places += [letters] * reading.times()
        if len(places) > LONGEST:
            raise Problem(f"the texts of the pattern would be longer than {LONGEST} characters")
    if not places:
        raise Problem("the pattern is empty")
    return tuple(places)


class _Reading:
    """A pattern from left to right."""

    def __init__(self, text: str, before: int) -> None:
        self._text, self._at, self._before = text, 0, before

    def place(self) -> str | None:
        """The letters of the next place; None at the end."""
        mark = self._take()
        if mark is None or (mark == "$" and self._at == len(self._text)):
            return None
        if mark == "[":
            return self._class()
        if mark == "\\":
            letter = self._take()
            if letter in _CLASSES:
                return _CLASSES[letter]
            if letter is None or letter.isalnum():
                raise self._problem("behind a backslash stands `d`, `w` or a mark")
            return letter
        if mark in _SPECIAL:
            raise self._problem(f"`{mark}` is not understood here; only texts of a fixed length can be made")
        return mark

    def times(self) -> int:
        """How often the place comes that was just read."""
        if not self._text.startswith("{", self._at):
            return 1
        end = self._text.find("}", self._at)
        number = self._text[self._at + 1 : end]
        if end < 0 or not _TIMES.fullmatch(number) or not 0 < int(number) <= LONGEST:
            self._at += 1
            raise self._problem(f"a place is repeated by a number from 1 to {LONGEST} in braces, such as `{{6}}`")
        self._at = end + 1
        return int(number)

    def _class(self) -> str:
        letters: list[str] = []
        while (letter := self._take()) != "]":
            if letter in (None, "^", "["):
                raise self._problem("a class of letters is written `[A-Z0-9]`")
            if letter == "\\":
                letter = self._take()
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                last = self._take()
                if last is None or letter is None or last in "]\\" or last < letter or ord(last) - ord(letter) > 200:
                    raise self._problem("a range of letters goes up, such as `A-Z`")
                letters += map(chr, range(ord(letter), ord(last) + 1))
            elif letter is not None:
                letters.append(letter)
        if not letters:
            raise self._problem("a class of letters is empty")
        return "".join(dict.fromkeys(letters))

    def _take(self) -> str | None:
        self._at += 1
        return self._text[self._at - 1] if self._at <= len(self._text) else None

    def _problem(self, what: str) -> Problem:
        return Problem(f"the pattern, character {self._before + self._at}: {what}")
