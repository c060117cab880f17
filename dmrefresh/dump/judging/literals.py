"""Personal data outside the rows: in defaults, checks, comments, enum labels, bodies of views and functions.

No rule covers what stands in the definitions of a schema, so whatever is executed is looked at, and what looks
personal stops the run unless the ruleset allows it by the object's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmrefresh.dump.events import End, Head, Statement
from dmrefresh.dump.judging.deciding import decide
from dmrefresh.dump.judging.policy import Action
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.errors import NotSanitised
from dmrefresh.lists import in_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmrefresh.dump.events import Event, Place
    from sanitisers import Ruleset

_HOLD_NOTHING = frozenset({"REFRESH MATERIALIZED VIEW", "SELECT SETVAL", "SELECT SET_CONFIG", "SET"})
_LISTED = 20
"""Findings in one message."""


@dataclass(frozen=True, slots=True)
class Found:
    """A statement with what looks like personal data in it.

    Attributes:
        statement: its kind.
        name: its object, as `literals:` of a ruleset names it.
        place: where it begins.
        kinds: what was found, never the values.
    """

    statement: str
    name: str
    place: Place
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        what = self.statement if self.name == self.statement else f"{self.statement} {self.name}"
        return f"{what} at {self.place}: {', '.join(self.kinds)}"


class Literals:
    """Looks at every statement that is executed.

    Args:
        head: the dump's Head.
        ruleset: says which objects' definitions may hold personal data, and why.
    """

    def __init__(self, head: Head, ruleset: Ruleset) -> None:
        self._head = head
        self._codec = codec_of(head.encoding)
        self._ruleset = ruleset
        self._unmatched = dict.fromkeys(ruleset.literals)

    def check_head(self) -> None:
        """Look at all statements before the first row.

        Raises:
            NotSanitised: some hold what looks like personal data; all are in the message.
        """
        self._refuse(found for statement in self._head.statements for found in self.find(statement))

    def check(self, statement: Statement, rest: Iterable[Event]) -> None:
        """Look at a statement behind the Head.

        Args:
            statement: the next of the dump.
            rest: what follows it; read only where the statement is refused, so that one message names all.

        Raises:
            NotSanitised: it holds what looks like personal data.
        """
        found = [*self.find(statement)]
        if found:
            later = (event for event in rest if isinstance(event, Statement))
            self._refuse([*found, *(one for event in later for one in self.find(event))])

    def warnings(self) -> list[str]:
        """A sentence for each object that is allowed and that no statement so far was about."""
        return [
            f"{self._ruleset.at('literals', name)}: there is no such object in the dump" for name in self._unmatched
        ]

    def find(self, statement: Statement) -> Iterator[Found]:
        """What looks personal in a statement that is executed, unless the ruleset allows it."""
        if statement.kind in _HOLD_NOTHING or decide(statement).action is not Action.EXECUTE:
            return
        name = str(statement.target) if statement.target else statement.kind
        self._unmatched.pop(name, None)
        if name in self._ruleset.literals:
            return
        kinds = kinds_in(statement.sql.decode(self._codec, errors="replace"))
        if kinds:
            yield Found(statement.kind, name, statement.place, kinds)

    def _refuse(self, findings: Iterable[Found]) -> None:
        from sanitisers.suggesting.proposal import literals_to_paste

        found = list(findings)
        if not found:
            return
        paste = literals_to_paste(dict.fromkeys(one.name for one in found[:_LISTED]))
        raise NotSanitised(
            "The definitions of the dump hold what looks like personal data, which would be published:"
            f"{in_lines(found, _LISTED)}",
            hint=f"take it out of the source, or say in the ruleset why it is nobody's:\n\n{paste}",
        )


def detected(events: Iterable[Event], ruleset: Ruleset, on_warning: Callable[[str], None]) -> Iterator[Event]:
    """Yield the events as they are, unless a statement holds personal data.

    Args:
        events: a dump.
        ruleset: says which objects' definitions may hold it.
        on_warning: is given what comes to light only at the end of the dump.

    Raises:
        NotSanitised: a statement holds what looks like personal data.
    """
    literals: Literals | None = None
    stream = iter(events)
    for event in stream:
        if isinstance(event, Head):
            literals = Literals(event, ruleset)
            literals.check_head()
        elif isinstance(event, Statement):
            assert literals is not None, "a statement came before the Head"
            literals.check(event, stream)
        elif isinstance(event, End):
            for warning in literals.warnings() if literals else ():
                on_warning(warning)
        yield event


def kinds_in(sql: str) -> tuple[str, ...]:
    """The kinds of personal data in a statement, also where escapes of strings hide it.

    Args:
        sql: its text.

    Returns:
        Each kind once, in the order they are found.
    """
    from sanitisers.detectors import find

    return tuple(dict.fromkeys(finding.kind for text in _readings(sql) for finding in find(text)))


# Chapter 4.1.2 of the manual has the escapes of E'' and U&''. Where a string begins and ends is not asked for:
# the bodies of functions hold strings inside strings, and an escape that is none makes no personal data.
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_OWN_ESCAPE = re.compile(r"\bUESCAPE\s+'([^'])'", re.IGNORECASE)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_DEPTH = 3
"""A string in a string in a string."""


def _readings(sql: str) -> Iterator[str]:
    """The text as it stands, and as it reads once escapes are taken for what they stand for."""
    yield sql
    if "u&" in sql.lower():
        for mark in {"\\", *_OWN_ESCAPE.findall(sql)}:
            escape = re.compile(rf"{re.escape(mark)}(?:([0-9A-Fa-f]{{4}})|\+([0-9A-Fa-f]{{6}}))")
            yield escape.sub(lambda found: _character(found[1] or found[2], 16), sql)
    for _ in range(_DEPTH):
        if "\\" not in sql:
            return
        sql = _ESCAPE.sub(_unescaped, sql)
        yield sql


def _unescaped(escape: re.Match[str]) -> str:
    octal, short, four, eight, other = escape.groups()
    if octal:
        return _character(octal, 8)
    if hexadecimal := short or four or eight:
        return _character(hexadecimal, 16)
    return _CONTROLS.get(other, other)


def _character(number: str, base: int) -> str:
    """Bytes above ASCII become some letter, which is enough to tell the shape of an address."""
    code = int(number, base)
    return chr(code) if code <= 0x10FFFF else " "
