"""What pg_dump writes around the statements: versions, `\\restrict`, and the marker that says all is there.

A dump is whole only if the marker stands at top level, behind everything, and nothing but the closing `\\unrestrict`,
blanks and comments of ours follows. The same words as a line within a function's body or a name prove nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dmrefresh.dump.text import formats
from dmrefresh.dump.text.lexer import Backslash, Comment, Finish, Sql
from dmrefresh.errors import DumpDamaged, DumpRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmrefresh.dump.events import Place
    from dmrefresh.dump.text.lexer import Piece
    from dmrefresh.dump.text.rows import Rows

_TITLE = b"PostgreSQL database dump"
_CLUSTER_TITLE = b"PostgreSQL database cluster dump"
_MARKER = b"PostgreSQL database dump complete"
_SERVER = re.compile(rb"Dumped from database version ([0-9][0-9A-Za-z.]*)")
_PG_DUMP = re.compile(rb"Dumped by pg_dump version ([0-9][0-9A-Za-z.]*)")
_OURS = re.compile(rb"dmrefresh(?: |$)")
_RESTRICT = re.compile(rb"\\restrict ([A-Za-z0-9]+)")
_UNRESTRICT = re.compile(rb"\\unrestrict ([A-Za-z0-9]+)")


class Frame:
    """Passes on statements and rows, and checks everything around them.

    Attributes:
        server_version: the server's version, once its line has been read.
        dump_version: pg_dump's own, likewise.
        size: bytes of the dump, once it is at its end.
        tail: the text behind the last statement or row, likewise.
    """

    def __init__(self) -> None:
        self.server_version = ""
        self.dump_version = ""
        self.size = 0
        self.tail = b""
        self._titled = False
        self._begun = False
        self._key: bytes | None = None
        self._unrestricted = False
        self._marker: Place | None = None
        self._closed = False

    def inside(self, pieces: Iterable[Piece]) -> Iterator[Sql | Rows]:
        """The statements and rows among `pieces`.

        Raises:
            DumpDamaged: the text ends before its end marker, or before what closes it.
            DumpRefused: it does not begin as a dump does, something follows the marker, or a line begins with
                a backslash that is not one of the two pg_dump writes.
        """
        for piece in pieces:
            if isinstance(piece, Comment):
                self._comment(piece)
            elif isinstance(piece, Backslash):
                self._backslash(piece)
            elif isinstance(piece, Finish):
                self._finish(piece)
            else:
                self._statement(piece.place)
                yield piece

    def _comment(self, comment: Comment) -> None:
        if self._marker is not None:
            if self._is_ours(comment):
                return
            # The line of dashes below the marker, without which the last block may have been lost.
            if comment.text:
                raise _after_marker(comment.place)
            self._closed = True
        elif comment.text == _MARKER:
            self._require_title()
            self._marker = comment.place
        elif not self._begun:
            self._header(comment)

    def _is_ours(self, comment: Comment) -> bool:
        """Whether it is a line that we wrote behind the whole dump; nothing is believed for it."""
        return self._closed and (self._key is None or self._unrestricted) and bool(_OURS.match(comment.text))

    def _header(self, comment: Comment) -> None:
        if comment.text == _CLUSTER_TITLE:
            raise formats.cluster_dump()
        self._titled = self._titled or comment.text == _TITLE
        if self._titled and (match := _SERVER.match(comment.text)):
            self.server_version = self.server_version or match[1].decode("ascii")
        if self._titled and (match := _PG_DUMP.match(comment.text)):
            self.dump_version = self.dump_version or match[1].decode("ascii")

    def _backslash(self, line: Backslash) -> None:
        self._require_title()
        opening = _RESTRICT.fullmatch(line.text)
        if opening and self._key is None and not self._begun and self._marker is None:
            self._key = opening[1]
            return
        closing = _UNRESTRICT.fullmatch(line.text)
        if closing and self._closed and not self._unrestricted and closing[1] == self._key:
            self._unrestricted = True
            return
        raise DumpRefused(
            f"The dump holds a command for psql at {line.place}. No such command is ever run.",
            hint="pg_dump writes one only with --create: make the dump without it",
        )

    def _statement(self, place: Place) -> None:
        self._require_title()
        if self._marker is not None:
            raise _after_marker(place)
        self._begun = True

    def _require_title(self) -> None:
        if not self._titled:
            raise formats.not_a_dump()

    def _finish(self, piece: Finish) -> None:
        if self._marker is None:
            raise DumpDamaged(f"The dump ends at {piece.place}, before its end marker.")
        if not self._closed or (self._key is not None and not self._unrestricted):
            raise DumpDamaged(f"The dump ends at {piece.place}, within its last lines.")
        self.size = piece.place.offset
        self.tail = piece.lead


def _after_marker(place: Place) -> DumpRefused:
    return DumpRefused(
        f"Something follows the end marker of the dump at {place}.",
        hint="perhaps two dumps were put into one file",
    )
