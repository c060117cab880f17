"""Finds where quoted text and comments end, asking for more of the dump as often as it takes.

Each function takes a position in the window just behind what opened the quote, and returns the position just
behind what closes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from dmrefresh.dump.events import Place
    from dmrefresh.dump.text.window import Window

_STATEMENT = "a statement"
_INSIDE = {b"'": re.compile(rb"[^']*+(?:''[^']*+)*+"), b'"': re.compile(rb'[^"]*+(?:""[^"]*+)*+')}
_ESCAPE_OR_QUOTE = re.compile(rb"['\\]")
BLANKS = re.compile(rb"[ \t\n\f\v]*+")
COMMENT_MARK = re.compile(rb"/\*|\*/")
_DOLLAR_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?+(\$)?")


LONGEST_WORD = 1024
"""A name has 63 bytes at most (manual, chapter 4.1.1); a word is looked at again whenever more of it comes."""


def find(window: Window, wanted: bytes, position: int, what: str) -> int:
    """Where `wanted` begins at or after `position`, which lies inside `what`."""
    while True:
        found = window.data.find(wanted, position)
        if found >= 0:
            return found
        position = max(position, len(window.data) - len(wanted) + 1)
        window.grow(what)


def quoted_end(window: Window, position: int, quote: bytes) -> int:
    """The end of '…' or "…". Where blocks part a doubled quote, it is two strings side by side, which is the same."""
    inside = _INSIDE[quote]
    while True:
        match = inside.match(window.data, position)
        if match and match.end() < len(window.data):
            return match.end() + 1
        position = len(window.data)
        window.grow(_STATEMENT)


def escape_string_end(window: Window, position: int) -> int:
    """The end of E'…', where a backslash hides a quote, and which goes on in another '…' on a later line."""
    while True:
        match = _ESCAPE_OR_QUOTE.search(window.data, position)
        if match is None:
            position = len(window.data)
            window.grow(_STATEMENT)
        elif match[0] == b"\\":
            while len(window.data) <= match.end():
                window.grow(_STATEMENT)
            position = match.end() + 1
        else:
            again = _continued(window, match.end())
            if again is None:
                return match.end()
            position = again


def _continued(window: Window, position: int) -> int | None:
    """Where an E'…' goes on that a quote just before `position` seemed to close; None where it does not.

    It does on a later line, behind blanks and comments, each of which is passed once.
    """
    end, later = position, False
    while True:
        blanks = BLANKS.match(window.data, end)
        if blanks:
            later = later or b"\n" in window.data[end : blanks.end()]
            end = blanks.end()
        following = bytes(window.data[end : end + 2])
        if following == b"--":
            end, later = line_comment_end(window, end + 2), True
        elif following in (b"", b"-"):
            window.grow(_STATEMENT)
        else:
            break
    if following[:1] != b"'":
        return None
    return end + 1 if end == position or later else None


def dollar_quote_end(window: Window, position: int) -> int:
    """The end of $tag$…$tag$, of which the first dollar sign is at `position`; just behind a lone one.

    Raises:
        DumpRefused: the tag is longer than any that pg_dump makes.
    """
    while True:
        match = _DOLLAR_TAG.match(window.data, position)
        if match is None or match[1] or match.end() < len(window.data):
            break
        if match.end() - position > LONGEST_WORD:
            raise too_long_a_word(window.place(position))
        window.grow(_STATEMENT)
    if match is None or not match[1]:
        return position + 1
    return find(window, match[0], match.end(), _STATEMENT) + len(match[0])


def line_comment_end(window: Window, position: int) -> int:
    """Just behind the newline that ends a `--` comment.

    Raises:
        DumpRefused: it holds a carriage return, which would end it for the server and not for every reader.
    """
    end = find(window, b"\n", position, "a comment")
    found = window.data.find(b"\r", position, end)
    if found >= 0:
        raise stray_return(window.place(found))
    return end + 1


def block_comment_end(window: Window, position: int) -> int:
    """The end of a /* … */ that may hold others."""
    depth = 1
    while depth:
        match = COMMENT_MARK.search(window.data, position)
        if match is None:
            position = max(position, len(window.data) - 1)
            window.grow("a comment")
        else:
            depth += 1 if match[0] == b"/*" else -1
            position = match.end()
    return position


def too_long_a_word(place: Place) -> DumpRefused:
    """What is raised at a word or a dollar quote's tag that no dump holds."""
    return DumpRefused(f"The dump holds a word of more than {LONGEST_WORD} bytes at {place}.")


def stray_return(place: Place) -> DumpRefused:
    """What is raised at a carriage return outside quotes."""
    return DumpRefused(
        f"The dump holds a carriage return at {place}: its line ends were changed after pg_dump wrote it.",
        hint="copy the dump as binary, or make it again",
    )
