"""Reads one whole statement word by word: enough to tell its kind, the names in it and the columns of a table."""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from dmrefresh.dump.events import Name
from dmrefresh.dump.text.quotes import COMMENT_MARK
from dmrefresh.postgres_facts import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    rb"""
    (?P<blank> \s+ | --[^\n\r]*+ )
  | (?P<comment> /\* )
  | (?P<opaque> [eE]'(?:[^'\\]++|\\.|'')*+'
      (?: (?:[ \t\f\v]|--[^\n]*+)*+ \n (?:[ \t\n\f\v]|--[^\n]*+\n)*+ '(?:[^'\\]++|\\.|'')*+' )*+
    | [uU]&(?:'(?:[^']++|'')*+'|"(?:[^"]++|"")*+") )
  | (?P<string> '(?:[^']++|'')*+' )
  | (?P<quoted> "(?:[^"]++|"")*+" )
  | (?P<dollar> \$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?+\$ )
  | (?P<word> [A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff$]*+ )
  | (?P<number> [0-9][0-9.]*+ )
  | (?P<operator> (?:(?!--|/\*)[-+*/<>=~!@\#%^&|`?])+ )
  | (?P<symbol> . )
    """,
    re.VERBOSE | re.DOTALL,
)

MOST_TOKENS = 4_000
"""Of a list that is held whole: more than the names of the 1600 columns that a table may have, and their commas."""


class NotAsWritten(Exception):
    """A statement is not written as pg_dump writes it."""


class NotInEncoding(Exception):
    """A name or string is not in the encoding that the dump says it has."""


class TokenKind(Enum):
    """What a token is. OPAQUE is text whose meaning nobody here needs: E'', U&'' and dollar quotes."""

    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    OPAQUE = "opaque"
    NUMBER = "number"
    OPERATOR = "operator"
    SYMBOL = "symbol"


class Token(NamedTuple):
    """A token.

    Attributes:
        kind: what it is.
        text: a word in lower case, the content of a string or quoted name, other tokens as they stand.
        start: where it begins in the statement, in bytes.
        end: where it ends.
    """

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        """Whether it is a name that the server takes as it stands."""
        size = self.end - self.start
        if self.kind is TokenKind.QUOTED:
            return size - 2 - self.text.count('"') <= LONGEST_NAME
        return self.kind is TokenKind.WORD and size <= LONGEST_NAME


def tokens(sql: bytes, codec: str) -> Iterator[Token]:
    """Split a whole statement, leaving out blanks and comments.

    Args:
        sql: a statement as the lexer gives it.
        codec: Python's name for the dump's encoding.

    Raises:
        NotInEncoding: a name or string is not in that encoding.
    """
    position = 0
    while match := _TOKEN.match(sql, position):
        group, start, position = match.lastgroup, position, match.end()
        text = match[0]
        if group == "blank":
            continue
        if group == "comment":
            position = _comment_end(sql, position)
        elif group == "string":
            yield Token(TokenKind.STRING, decoded(text[1:-1].replace(b"''", b"'"), codec), start, position)
        elif group == "quoted":
            yield Token(TokenKind.QUOTED, decoded(text[1:-1].replace(b'""', b'"'), codec), start, position)
        elif group == "dollar":
            closing = sql.find(text, position)
            position = closing + len(text) if closing >= 0 else len(sql)
            yield Token(TokenKind.OPAQUE, "", start, position)
        elif group == "opaque":
            yield Token(TokenKind.OPAQUE, "", start, position)
        elif group == "word":
            yield Token(TokenKind.WORD, _folded(decoded(text, codec)), start, position)
        else:
            yield Token(TokenKind[str(group).upper()], text.decode("latin-1"), start, position)


def decoded(text: bytes, codec: str) -> str:
    """Decode a part of the dump.

    Raises:
        NotInEncoding: it cannot be; unlike Python's own error, this holds no byte of it.
    """
    try:
        return text.decode(codec)
    except UnicodeDecodeError:
        pass
    raise NotInEncoding


def _folded(word: str) -> str:
    """An unquoted name as the server folds it: only ASCII letters, for pg_dump quotes all others."""
    if word.isascii():
        return word.lower()
    return "".join(letter.lower() if letter.isascii() else letter for letter in word)


def _comment_end(sql: bytes, position: int) -> int:
    depth = 1
    while depth:
        match = COMMENT_MARK.search(sql, position)
        if match is None:
            return len(sql)
        depth += 1 if match[0] == b"/*" else -1
        position = match.end()
    return position


class Cursor:
    """Goes through the tokens of a statement from left to right, reading no further than it is asked to."""

    def __init__(self, sql: bytes, codec: str) -> None:
        self._tokens = tokens(sql, codec)
        self._ahead: deque[Token] = deque()

    def peek(self, skip: int = 0) -> Token | None:
        """The token after the next `skip` ones, which stays there; None behind the last."""
        while len(self._ahead) <= skip:
            token = next(self._tokens, None)
            if token is None:
                return None
            self._ahead.append(token)
        return self._ahead[skip]

    def take(self) -> Token | None:
        """The next token, which is then passed; None behind the last."""
        token = self.peek()
        if token is not None:
            self._ahead.popleft()
        return token

    def next_is(self, words: str) -> bool:
        """Whether unquoted words, such as `IF NOT EXISTS`, or symbols come next; nothing is passed."""
        for index, word in enumerate(words.split()):
            token = self.peek(index)
            if token is None or token.text != word.lower():
                return False
            if token.kind not in (TokenKind.WORD, TokenKind.SYMBOL, TokenKind.OPERATOR):
                return False
        return True

    def accept(self, words: str) -> bool:
        """Pass these words where they come next, and say whether they did."""
        if not self.next_is(words):
            return False
        for _ in words.split():
            self.take()
        return True

    def identifier(self) -> str | None:
        """Pass an identifier that the server would not cut off, or an operator's name, where one comes next."""
        token = self.peek()
        if token is None or not (token.is_name or token.kind is TokenKind.OPERATOR):
            return None
        self.take()
        return token.text

    def name(self) -> Name | None:
        """Pass a name, qualified or not, where one comes next. The schema of an unqualified one is empty.

        There is none where a third part follows: the first would be a database then.
        """
        name = self.name_of_whole()
        return None if self.next_is(".") else name

    def name_of_whole(self) -> Name | None:
        """The same where the name of a column may follow behind a dot."""
        first = self.identifier()
        if first is None:
            return None
        if not self.accept("."):
            return Name("", first)
        second = self.identifier()
        return None if second is None else Name(first, second)

    def inside(self) -> Iterator[Token]:
        """Pass ( … ), which must come next, and give what is inside, one by one.

        Raises:
            NotAsWritten: it does not come next, or is not closed.
        """
        if not self.accept("("):
            raise NotAsWritten
        depth = 1
        while token := self.take():
            if token.kind is TokenKind.SYMBOL:
                depth += (token.text == "(") - (token.text == ")")
                if not depth:
                    return
            yield token
        raise NotAsWritten

    def pass_parentheses(self) -> bool:
        """Pass ( … ), however long, and say whether it came next and was closed."""
        if not self.next_is("("):
            return False
        try:
            for _ in self.inside():
                pass
        except NotAsWritten:
            return False
        return True

    def left(self) -> Iterator[Token]:
        """Pass all tokens that are left, one by one."""
        while token := self.take():
            yield token

    def parenthesised(self) -> list[Token] | None:
        """Pass ( … ) where it comes next, and return what is inside; None also where that is more than MOST_TOKENS."""
        try:
            inside = list(islice(self.inside(), MOST_TOKENS + 1))
        except NotAsWritten:
            return None
        return inside if len(inside) <= MOST_TOKENS else None

    def at_end(self) -> bool:
        """Whether every token has been passed."""
        return self.peek() is None
