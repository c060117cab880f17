"""Reads a predicate as PostgreSQL reads what follows WHERE, as far as it can be decided from the row alone.

It is read here and not by sqlglot: that takes `user` for a column, where the server asks who is logged in, and lets
`==`, a comma too many or an alias pass. A condition decides which rows leave, so it means the same as on the server,
or it is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from sanitisers.predicate.tree import Always, Among, And, Bare, Compared, Is, Not, Null, Or

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanitisers.predicate.tree import Predicate, Value

_TOKEN = re.compile(
    r"""[ \t\n\r\f]*(?:
    (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<number>[0-9]+)(?![\w.$])
    | (?P<word>[^\W\d][\w$]*)
    | (?P<symbol>[(),]|(?:<>|!=|<=|>=|[=<>]|[+-](?!-))(?![*/<>=~!@\#%^&|`?]))
    | (?P<end>\Z)
    | (?P<odd>[0-9][\w.$]*|[^\w\s'"(),]+|.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MOST_DEEP = 50

RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
    returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
    unique user using variadic verbose when where window with
    """,
    )
)
"""Words that are no column's name unless they stand in double quotes (PostgreSQL manual, appendix C)."""


class NotUnderstood(Exception):
    """A predicate is not written so that it can be decided from the row alone."""


class _Literal:
    """A value by itself."""

    def __init__(self, value: Value | None) -> None:
        self.value = value


_Operand: TypeAlias = "Predicate | _Literal"


def read_predicate(text: str) -> Predicate:
    """The tree of a predicate; raises NotUnderstood, which says what is not, and repeats no text in quotes."""
    return _Reading(text).whole()


class _Reading:
    """A predicate read from the left, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._deep = 0
        self._advance()

    def whole(self) -> Predicate:
        tree = self._either()
        if self._kind != "end":
            raise self._unexpected()
        return tree

    def _advance(self) -> None:
        token = _TOKEN.match(self._text, self._at)
        assert token is not None, "an odd character is a token too"
        self._at = token.end()
        self._kind = str(token.lastgroup)
        self._token = token[self._kind]
        # Keywords are known by their lower case: in quotes they are names.
        self._word = _lower(self._token) if self._kind in ("word", "symbol") else ""

    def _accept(self, word: str) -> bool:
        if self._word != word:
            return False
        self._advance()
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected()

    def _either(self) -> Predicate:
        parts = [self._all()]
        while self._accept("or"):
            parts.append(self._all())
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _all(self) -> Predicate:
        parts = [self._negated()]
        while self._accept("and"):
            parts.append(self._negated())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def _negated(self) -> Predicate:
        if self._accept("not"):
            return Not(self._deeper(self._negated))
        return self._tested()

    def _deeper(self, read: Callable[[], Predicate]) -> Predicate:
        self._deep += 1
        if self._deep > _MOST_DEEP:
            raise NotUnderstood(f"it is nested more than {_MOST_DEEP} deep")
        found = read()
        self._deep -= 1
        return found

    def _tested(self) -> Predicate:
        """A comparison, and whether it is null, true, false or unknown; IS binds less than = does."""
        part = self._compared()
        if not self._accept("is"):
            return _predicate(part)
        contrary = self._accept("not")
        if self._accept("null"):
            part = _predicate(part)
            found: Predicate = Null(part.column) if isinstance(part, Bare) else Is(part, None)
        elif self._word in ("true", "false", "unknown"):
            found = Is(_predicate(part), {"true": True, "false": False}.get(self._word))
            self._advance()
        else:
            raise self._unexpected()
        return Not(found) if contrary else found

    def _compared(self) -> _Operand:
        left = self._operand()
        if self._word == "not":  # what stands behind an operand can only be NOT IN
            self._advance()
            self._expect("in")
            return Not(self._among(left))
        if self._accept("in"):
            return self._among(left)
        operator = _COMPARISONS.get(self._word)
        if operator is None:
            return left
        self._advance()
        right = self._operand()
        if isinstance(left, _Literal):
            left, right, operator = right, left, _TURNED[operator]
        if isinstance(right, Bare) and isinstance(left, Bare):
            raise NotUnderstood("it compares two columns with each other, where a column and a value can be compared")
        if not isinstance(left, Bare) or not isinstance(right, _Literal):
            raise NotUnderstood(f"what stands beside `{operator}` is not a column and a value")
        return Compared(left.column, operator, _value(right))

    def _among(self, left: _Operand) -> Among:
        if not isinstance(left, Bare):
            raise NotUnderstood("what stands before `IN` is not a column")
        self._expect("(")
        values = []
        while True:
            one = self._operand()
            if not isinstance(one, _Literal):
                raise NotUnderstood("what `IN` lists are not all values")
            values.append(_value(one))
            if not self._accept(","):
                break
        self._expect(")")
        return Among(left.column, tuple(values))

    def _operand(self) -> _Operand:
        if self._accept("("):
            inside = self._deeper(self._either)
            self._expect(")")
            return inside
        if self._word in ("true", "false", "null"):
            value = {"true": True, "false": False}.get(self._word)
            self._advance()
            return _Literal(value)
        if self._kind == "text":
            text = self._token[1:-1].replace("''", "'")
            self._advance()
            return _Literal(text)
        if self._kind == "number" or self._word in ("+", "-"):
            return _Literal(self._integer())
        return self._column()

    def _integer(self) -> int:
        sign = -1 if self._word == "-" else 1
        if self._kind == "symbol":
            self._advance()
        if self._kind != "number":
            raise self._unexpected()
        digits = self._token
        self._advance()
        if len(digits) > 40:
            raise NotUnderstood("it has a number that no integer column can hold")
        return sign * int(digits)

    def _column(self) -> Bare:
        if self._kind == "quoted":
            name = self._token[1:-1].replace('""', '"')
        elif self._kind != "word":
            raise self._unexpected()
        elif self._word in RESERVED:
            raise NotUnderstood(
                f"`{self._token}` is a word of SQL that is not understood here; "
                "the name of a column that is such a word stands in double quotes"
            )
        else:
            name = self._word
        written = self._token
        self._advance()
        if self._word == "(":
            raise NotUnderstood(f"`{written}(…)` is a function, and functions are not understood here")
        if self._kind == "text":
            raise NotUnderstood(f"`{written}` before a text in quotes is not understood here")
        return Bare(name)

    def _unexpected(self) -> NotUnderstood:
        match self._kind:
            case "end":
                return NotUnderstood("it ends too early")
            case "text":
                return NotUnderstood("a text in quotes stands where none is understood")
            case "odd" if self._token in ("'", '"'):
                return NotUnderstood(f"a quotation mark {self._token} has no end, or nothing in it")
        return NotUnderstood(f"`{self._token}` is not understood here")


def _predicate(operand: _Operand) -> Predicate:
    if not isinstance(operand, _Literal):
        return operand
    if not isinstance(operand.value, bool):
        raise NotUnderstood("a value by itself is no condition")
    return Always(operand.value)


def _value(literal: _Literal) -> Value:
    if literal.value is None:
        raise NotUnderstood("nothing is equal to NULL, nor unequal; write `IS NULL` or `IS NOT NULL`")
    return literal.value


def _lower(word: str) -> str:
    """A name as the server holds it: of a name without quotes it makes the letters A to Z small, and no others."""
    return re.sub("[A-Z]+", lambda found: found[0].lower(), word)
