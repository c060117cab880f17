"""What holds of any text that is read for a dump, whatever it is and however it is cut.

Each property is a function that takes a case and raises where it does not hold: a Failure is an answer, and anything
else that is raised is a finding.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pglast
import pglast.parser

from dmrefresh.dump.definitions.columns import max_length
from dmrefresh.dump.events import End, Event
from dmrefresh.dump.outgoing import by_policy
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text import rows
from dmrefresh.dump.text.lexer import _COPY, Backslash, Comment, Finish, Piece, Sql, lex
from dmrefresh.dump.text.rows import Rows, RowsUnreadable
from dmrefresh.dump.text.tokens import TokenKind, tokens
from dmrefresh.dump.writer import write_dump
from dmrefresh.errors import DumpDamaged, DumpRefused
from tests.dump.writing import merged
from tests.fuzz.cases import LIMITS, Case

_EXPECTED = (DumpDamaged, DumpRefused)


def lexed_pieces_are_the_text(case: Case) -> None:
    """Lead, text and rows put together are what was given, and each piece is where it says."""
    for blocks in case.cuttings:
        found = b""
        piece: Piece | None = None
        try:
            for piece in lex(blocks, case.limits):
                _check_place(piece, case.text)
                found += _text_of(piece)
                assert case.text.startswith(found)
                if isinstance(piece, Sql) and _COPY.match(piece.text):
                    found += b"\n"
        except (*_EXPECTED, RowsUnreadable):
            continue
        assert isinstance(piece, Finish)
        assert found == case.text


def events_are_the_same_at_any_cutting(case: Case) -> None:
    """Whole, in blocks of one size, or cut in three: the same events, or the same failure."""
    whole = _outcome([case.text], case)
    regular, in_three = case.cuttings
    assert _outcome(in_three, case) == whole
    with _handing_on_few_rows():
        assert _outcome(regular, case) == whole


def what_is_read_is_written_as_it_was(case: Case) -> None:
    """A dump that is read to its End is written byte for byte; of any other, no more is written than its beginning."""
    events, failure = _read(read_dump(case.cuttings[0], limits=case.limits))
    written = b"".join(write_dump(events))
    assert case.text.startswith(written)
    if failure is None:
        assert isinstance(events[-1], End)
        assert written == case.text


def what_the_policy_leaves_is_a_dump(case: Case) -> None:
    """What is allowed of a dump is read to its End again, with the same rows and nothing more to leave out."""
    left_out: Counter[str] = Counter()
    events, failure = _read(by_policy(read_dump([case.text], limits=case.limits), left_out))
    if failure is not None:
        return
    again_left_out: Counter[str] = Counter()
    kept = b"".join(write_dump(events))
    again, failure = _read(by_policy(read_dump([kept]), again_left_out))
    assert failure is None, failure
    key = re.compile(rb"restrict [0-9a-f]{32}\n")  # made anew each time
    assert key.sub(b"", b"".join(write_dump(again))) == key.sub(b"", kept)
    assert not again_left_out
    before, behind = events[-1], again[-1]
    assert isinstance(before, End)
    assert isinstance(behind, End)
    assert before.rows == behind.rows


def statements_end_where_postgresql_ends_them(case: Case) -> None:
    """What PostgreSQL's own parser takes is refused, or split as it splits it, down to the words of each statement."""
    try:
        text = case.body.decode()
        parsed = pglast.parse_sql(text)
        pieces = [piece for piece in lex([case.body]) if isinstance(piece, Sql)]
    except (UnicodeDecodeError, pglast.Error, RowsUnreadable, *_EXPECTED):
        return
    ends = [piece.place.offset + len(piece.text) for piece in pieces]
    ends_there = [int(one.stmt_location or 0) + int(one.stmt_len or 0) for one in parsed]
    assert ends == [len(text[:end].encode()) for end in ends_there]
    if case.body.isascii():
        for piece in pieces:
            _check_words(piece.text)


def _check_words(sql: bytes) -> None:
    """Words and quoted names are those of PostgreSQL's scanner: nothing out of a string, nothing overlooked."""
    wanted = {
        token.start
        for token in pglast.parser.scan(sql.decode())
        if token.name == "IDENT" or (token.kind.endswith("KEYWORD") and token.kind != "NO_KEYWORD")
    }
    found, apart = set(), set()
    for token in tokens(sql, "utf-8"):
        if token.kind is TokenKind.NUMBER:
            apart.add(token.end)  # 1e5 and 0x1 are a number and a word here
        elif token.kind in (TokenKind.WORD, TokenKind.QUOTED):
            found.add(token.start)
            if sql[token.start : token.start + 2].lower() in (b"b'", b"x'", b"n'"):
                apart.add(token.start)  # a word and a string here
    assert found - apart == wanted - apart


PROPERTIES: tuple[Callable[[Case], None], ...] = (
    lexed_pieces_are_the_text,
    events_are_the_same_at_any_cutting,
    what_is_read_is_written_as_it_was,
    what_the_policy_leaves_is_a_dump,
    statements_end_where_postgresql_ends_them,
)


def check_all(case: Case) -> None:
    """Check every property, one after another."""
    for holds in PROPERTIES:
        holds(case)
    if max_length.cache_info().currsize > 10_000:
        max_length.cache_clear()  # a dump has few types, a fuzzer has no end of them


def _text_of(piece: Piece) -> bytes:
    if isinstance(piece, Sql):
        return piece.lead + piece.text + b";"
    if isinstance(piece, Rows):
        return piece.data + (b"\\.\n" if piece.last else b"")
    return piece.lead if isinstance(piece, Finish) else b""


def _check_place(piece: Piece, text: bytes) -> None:
    content = {Sql: "text", Backslash: "text", Rows: "data"}.get(type(piece))
    offset = piece.place.offset
    assert piece.place.line == 1 + text.count(b"\n", 0, offset)
    if content:
        assert text.startswith(getattr(piece, content), offset)
    elif isinstance(piece, Comment):
        assert text.startswith(b"--", offset)
    else:
        assert offset == len(text)


def _read(events: Iterable[Event]) -> tuple[list[Event], DumpDamaged | DumpRefused | None]:
    """The events up to a failure, and the failure."""
    found: list[Event] = []
    try:
        for event in events:
            found.append(event)
    except _EXPECTED as failure:
        return found, failure
    return found, None


def _outcome(blocks: list[bytes], case: Case) -> list[Event] | str:
    events, failure = _read(read_dump(blocks, limits=case.limits))
    if failure is None:
        return merged(events)
    # Where there is more than one thing wrong, it depends on the cutting which one is met first: a NUL is seen as soon
    # as it is received, a limit when it is passed, and what is not UTF-8 when a block of rows is whole.
    one = b"\0" not in case.text and case.limits == LIMITS[0] and b"SQL_ASCII" not in case.text.upper()
    return f"{type(failure).__name__}: {failure}" if one else "a failure"


@contextmanager
def _handing_on_few_rows() -> Iterator[None]:
    """As with tables of many megabytes, whose rows come in many blocks."""
    enough, near = rows.ENOUGH, rows._NEAR
    rows.ENOUGH, rows._NEAR = 8, 16
    try:
        yield
    finally:
        rows.ENOUGH, rows._NEAR = enough, near
