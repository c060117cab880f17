"""Splits the text of a dump at top level: statements, rows, comments, backslash lines.

Nothing here reads a file or knows what a statement means, except that rows follow a COPY. The lexical rules
are those of PostgreSQL ("Lexical Structure", chapter 4.1 of its manual) with standard_conforming_strings on;
that a dump says otherwise is for the reader to refuse. Two habits of psql are left behind on purpose: the end
of the file does not end a COPY, and a backslash outside quotes runs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from dmrefresh.dump.text import quotes
from dmrefresh.dump.text.formats import BYTE_ORDER_MARK
from dmrefresh.dump.text.limits import Limits
from dmrefresh.dump.text.rows import Rows, read_rows
from dmrefresh.dump.text.window import Window
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmrefresh.dump.events import Place


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement without the semicolon that ends it; `lead` is all the text between it and what came before."""

    text: bytes
    place: Place
    lead: bytes = b""


@dataclass(frozen=True, slots=True)
class Comment:
    """A `--` comment at top level, without its dashes and the blanks around it."""

    text: bytes
    place: Place


@dataclass(frozen=True, slots=True)
class Backslash:
    """A line at top level that begins with a backslash, without its newline."""

    text: bytes
    place: Place


@dataclass(frozen=True, slots=True)
class Finish:
    """The text ended between statements; the place is just behind its last byte, `lead` the text before it."""

    place: Place
    lead: bytes = b""


Piece: TypeAlias = Sql | Comment | Backslash | Rows | Finish

_COPY = re.compile(rb"copy(?![a-z0-9_$\x80-\xff])", re.IGNORECASE)


def lex(blocks: Iterable[bytes], limits: Limits | None = None) -> Iterator[Piece]:
    """Split a dump.

    Args:
        blocks: the plain text, cut anywhere.
        limits: how much may be held before it is refused.

    Yields:
        Pieces in order. After a statement that begins with COPY come its rows, the last of them marked; the
        very last piece is Finish. A block comment at top level, a semicolon by itself, and the mark that some
        editors put in front of UTF-8 are passed over; all that is no statement and no row is in a `lead`.

    Raises:
        DumpDamaged: the text ends inside a statement, a comment or a line.
        RowsUnreadable: the rows of a COPY cannot be read.
        DumpRefused: a NUL, a carriage return outside quotes, a backslash within a statement, or something
            longer than the limits.
    """
    window = Window(blocks, limits or Limits())
    _skip_byte_order_mark(window)
    while _skip_blanks(window):
        first = bytes(window.data[:1])
        if first in b"-/" and _begins_comment(window):
            if first == b"-":
                yield _line_comment(window)
            else:
                end = quotes.block_comment_end(window, 2)
                window.check_length(end, "a comment")
                window.pass_over(end)
        elif first == b"\\":
            yield _backslash_line(window)
        elif first == b";":
            window.pass_over(1)
        else:
            statement = _statement(window)
            yield statement
            if _COPY.match(statement.text):
                yield from read_rows(window)
    yield Finish(window.place(), window.passed())


def _skip_byte_order_mark(window: Window) -> None:
    while len(window.data) < len(BYTE_ORDER_MARK) and window.more():
        pass
    if window.data.startswith(BYTE_ORDER_MARK):
        window.pass_over(len(BYTE_ORDER_MARK))


def _skip_blanks(window: Window) -> bool:
    """Consume blanks; false at the end of the text."""
    while True:
        match = quotes.BLANKS.match(window.data)
        window.pass_over(match.end() if match else 0)
        if window.data:
            return True
        if not window.more():
            return False


def _begins_comment(window: Window) -> bool:
    if len(window.data) < 2 and not window.more():
        return False
    return bytes(window.data[:2]) in (b"--", b"/*")


def _line_comment(window: Window) -> Comment:
    place = window.place()
    end = quotes.line_comment_end(window, 2)
    window.check_length(end, "a comment")
    text = bytes(window.data[2:end]).strip()
    window.pass_over(end)
    return Comment(text, place)


def _backslash_line(window: Window) -> Backslash:
    place = window.place()
    if not window.at_line_start:
        raise _stray_backslash(place)
    end = quotes.find(window, b"\n", 0, "a line")
    window.check_length(end, "a line")
    text = bytes(window.data[:end])
    if b"\r" in text:
        raise quotes.stray_return(place)
    window.pass_over(end + 1)
    return Backslash(text, place)


def _statement(window: Window) -> Sql:
    place = window.place()
    end = _statement_end(window)
    window.check_length(end, "a statement")
    text = bytes(window.data[:end])
    window.consume(end + 1)
    return Sql(text, place, window.passed())


# What changes nothing about what follows it. A word counts only when its end can be seen, a minus or a slash only when
# the byte after it can, and the E of E'', the words of a routine's body and whatever is left stop this. That much is
# passed in one step, for a statement may be mostly words.
_PLAIN = re.compile(
    rb"""(?:
        [^A-Za-z_\x80-\xff'"$();\\\r/-]++
      | - (?=[^-])
      | / (?=[^*])
      | (?! (?:e'|(?:atomic|begin|case|end)(?![a-z0-9_$\x80-\xff])) )
        [A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]{0,1023}+ (?=[^A-Za-z0-9_$\x80-\xff])
    )*+""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_TOKEN = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+|--|/\*|.", re.DOTALL)


def _statement_end(window: Window) -> int:
    """Where the semicolon is that ends the statement at the start of the window."""
    position = parentheses = 0
    body = _RoutineBody()
    while True:
        plain = _PLAIN.match(window.data, position)
        start = plain.end() if plain else position
        match = _TOKEN.match(window.data, start)
        token = match[0] if match else b""
        position = start + len(token)
        if token == b";":
            if not parentheses and not body.depth:
                return start
            body.semicolon(window, start)
        elif token == b"(":
            parentheses += 1
        elif token == b")":
            parentheses = max(0, parentheses - 1)
        elif token == b"'" or token == b'"':
            position = quotes.quoted_end(window, position, token)
        elif token == b"--":
            position = quotes.line_comment_end(window, position)
        elif token == b"/*":
            position = quotes.block_comment_end(window, position)
        elif token == b"\r":
            raise quotes.stray_return(window.place(start))
        elif token == b"\\":
            raise _stray_backslash(window.place(start))
        elif len(token) > quotes.LONGEST_WORD:
            raise quotes.too_long_a_word(window.place(start))
        elif position == len(window.data):
            # Nothing is left, or something that may go on in the next block.
            position = start
            window.grow("a statement")
        elif token == b"$":
            position = quotes.dollar_quote_end(window, start)
        elif token in (b"E", b"e"):
            position = quotes.escape_string_end(window, position + 1)
        else:
            body.word(token.lower(), window, start, parentheses)


class _RoutineBody:
    """Knows whether a statement is in a BEGIN ATOMIC body, where `;` ends nothing.

    BEGIN is a word that a column may have for its name without quotes, and pg_dump writes it so; only BEGIN ATOMIC
    outside parentheses opens a body. CASE and END pair: pg_dump quotes them as names. PostgreSQL would take some
    without quotes, and so might end the body elsewhere than it ends here; these are refused.
    """

    def __init__(self) -> None:
        self.depth = 0
        self._begun_at = -1
        self._statement_at = 0
        self._is_routine: bool | None = None

    def semicolon(self, window: Window, start: int) -> None:
        """Take a semicolon that does not end the statement; within CASE … END there can be none."""
        if self.depth > 1:
            raise _case_or_end(window.place(start))
        self._statement_at = start + 1

    def word(self, word: bytes, window: Window, start: int, parentheses: int) -> None:
        """Take the next of the words atomic, begin, case and end, which begins at `start` of the window."""
        if self.depth:
            if self.depth == 1 and word == b"end" and window.data[self._statement_at : start].strip():
                raise _case_or_end(window.place(start))
            self.depth += (word == b"case") - (word == b"end")
        elif word == b"begin":
            self._begun_at = start
        elif word == b"atomic" and self._begun_at >= 0:
            between = window.data[self._begun_at + len(b"begin") : start]
            self._begun_at = -1  # a later one does not follow this BEGIN on blanks alone
            if between.strip().startswith((b"--", b"/*")):
                raise DumpRefused(f"The dump holds a comment between BEGIN and ATOMIC at {window.place(start)}.")
            if not parentheses and between.isspace():
                self.depth = int(self._in_routine(window))
                self._statement_at = start + len(word)

    def _in_routine(self, window: Window) -> bool:
        """Whether the statement makes a routine; what tells it has come long before, and stays."""
        if self._is_routine is None:
            if _COMMENTED.match(window.data):
                raise DumpRefused(f"The dump holds a comment among the first words of a routine at {window.place()}.")
            self._is_routine = _ROUTINE.match(window.data) is not None
        return self._is_routine


_ROUTINE = re.compile(rb"create\s+(?:or\s+replace\s+)?(?:function|procedure)\s", re.IGNORECASE)
_COMMENTED = re.compile(
    rb"create\s*+(?:or\b\s*+)?+(?:replace\b\s*+)?+(?:(?:function|procedure)\b)?+(?:--|/\*)", re.IGNORECASE
)
"""Comments hold anything, also others; pg_dump writes none here."""


def _case_or_end(place: Place) -> DumpRefused:
    return DumpRefused(f"The dump holds a routine in which CASE and END do not pair, at {place}.")


def _stray_backslash(place: Place) -> DumpRefused:
    return DumpRefused(f"The dump holds a backslash outside quotes at {place}: no dump of PostgreSQL does.")
