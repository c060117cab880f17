"""Sanitising as docs/reference/ruleset.md has it, one value after the other, with nothing of Python's but the plainest.

It shares with the engine what is data: the rules as they were read, and the pools of fakes. How a value is read, which
fake it gets and how that is written is said here once more, so that the fast way can be held against it.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from sanitisers.families import FAMILIES, Code, Digits, Fixed, Form, Letters, Pick, PickByLength
from sanitisers.families.form import CODE_LETTERS
from sanitisers.pools import Pools
from sanitisers.ruleset.patterns import parse_pattern
from sanitisers.ruleset.rules import (
    Chosen,
    Constant,
    Each,
    Fake,
    Json,
    JsonObject,
    Keep,
    Noise,
    Null,
    OneOf,
    Pattern,
    Shift,
    Template,
)
from tests.sanitisers.columns import Column

Nested = Any
"""An array: a list of texts, None and such lists."""
Row = Mapping[str, bytes]
"""The cells of a row as COPY has them."""

_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_TIME = r"([ T]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|UTC|GMT|[+-]\d\d(:?\d\d(:\d\d)?)?))?)?"
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)" + _TIME)
_WORD = 2**64
_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


# COPY's text format.


def read(cell: bytes) -> str | None:
    """The text in a cell; None for NULL."""
    if cell == rb"\N":
        return None
    found, at = bytearray(), 0
    while at < len(cell):
        if cell[at : at + 1] != b"\\":
            found.append(cell[at])
            at += 1
            continue
        escape = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL).match(cell, at)
        assert escape is not None
        octal, hexadecimal, letter = escape.groups()
        if octal is not None:
            found.append(int(octal, 8) & 255)
        elif hexadecimal is not None:
            found.append(int(hexadecimal, 16))
        else:
            found += _LETTERS.get(letter.decode("latin-1"), letter.decode("latin-1")).encode("latin-1")
        at = escape.end()
    return found.decode()


def write(text: str | None) -> bytes:
    """A text as pg_dump writes it."""
    if text is None:
        return rb"\N"
    spelt = {character: "\\" + letter for letter, character in _LETTERS.items()} | {"\\": "\\\\"}
    return "".join(spelt.get(character, character) for character in text).encode()


# Arrays.


def write_array(array: Nested) -> str:
    """An array as PostgreSQL writes it."""
    if array is None:
        return "NULL"
    if isinstance(array, list):
        return "{" + ",".join(map(write_array, array)) + "}"
    bare = array and array.upper() != "NULL" and not re.search(r'["\\{}, \t\n\v\f\r]', array)
    return str(array) if bare else '"' + array.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_array(text: str) -> Nested:
    """An array without bounds."""
    found, _ = _array_from(text, 0)
    return found


def _array_from(text: str, at: int) -> tuple[Nested, int]:
    if text[at] == "{":
        items: list[Nested] = []
        at += 1
        while text[at] != "}":
            item, at = _array_from(text, at + (text[at] == ","))
            items.append(item)
        return items, at + 1
    if text[at] == '"':
        value = ""
        at += 1
        while text[at] != '"':
            at += text[at] == "\\"
            value += text[at]
            at += 1
        return value, at + 1
    end = next(place for place in range(at, len(text)) if text[place] in ",}")
    return (None if text[at:end].upper() == "NULL" else text[at:end]), end


# Documents. What is kept must stay to the byte, so values are left as they are written.


def _value_from(text: str, at: int) -> tuple[str, int]:
    """The value that begins at `at` as it is written, and where the next thing begins."""
    _, end = json.JSONDecoder().raw_decode(text, at)
    return text[at:end], _past_blanks(text, end)


def _past_blanks(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def members_of(text: str) -> dict[str, str]:
    """The members of an object; of a key that comes twice the last value, in the place of the first."""
    found: dict[str, str] = {}
    at = _past_blanks(text, 1)
    while text[at] != "}":
        name, at = _value_from(text, at)
        found[json.loads(name)], at = _value_from(text, _past_blanks(text, at + 1))
        at = _past_blanks(text, at + 1) if text[at] == "," else at
    return found


def items_of(text: str) -> list[str]:
    """The items of a list."""
    found: list[str] = []
    at = _past_blanks(text, 1)
    while text[at] != "]":
        item, at = _value_from(text, at)
        found.append(item)
        at = _past_blanks(text, at + 1) if text[at] == "," else at
    return found


def _in_document(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# Chances and fakes.


def chance(key: bytes, space: str, text: str) -> tuple[int, int]:
    """Two numbers of 64 bits for a text, in a space of chances."""
    cmac = CMAC(AES(hmac.digest(key, b"dmrefresh kind " + space.encode(), "sha256")))
    cmac.update(text.encode("utf-8", "replace"))
    tag = cmac.finalize()
    return int.from_bytes(tag[:8], "little"), int.from_bytes(tag[8:], "little")


def space_of(rule: Chosen) -> str:
    """What a rule shares its chances with."""
    if rule.identity is not None:
        return f"as {rule.identity}"
    match rule:
        case Fake(family=family):
            return f"as {family.partition('.')[0]}" if rule.by else family
        case Shift():
            return "as date" if rule.by else "date.shift"
        case Noise():
            return "as number" if rule.by else "number.noise"
        case Pattern(pattern=pattern):
            return f"as pattern {pattern}" if rule.by else f"pattern {pattern}"
        case OneOf(values=values):
            return "as one of" if rule.by else f"one of {values!r}"
    raise AssertionError(rule)


def fake_of(form: Form, chances: tuple[int, int], length: int) -> str:
    """The fake that these chances choose, for an original of so many bytes."""
    low, high = chances
    text = ""
    for part in form.parts:
        match part:
            case Fixed(text=fixed):
                text += fixed
            case Pick(entries=entries):
                text += entries[low % len(entries)]
            case PickByLength(first=first, pools=pools):
                fitting = [pool for power, pool in enumerate(pools, first) if length <= 2**power]
                pool = fitting[0] if fitting else pools[-1]
                text += pool[low % len(pool)]
            case Code(length=letters):
                text += "".join(CODE_LETTERS[high >> 5 * place & 31] for place in range(letters))
            case Digits(length=digits):
                text += str(high % 10**digits).zfill(digits)
            case Letters(places=places):
                text += "".join(map(_letter, places, _picked(chances, [len(letters) for letters in places])))
    return text


def _letter(letters: str, place: int) -> str:
    return letters[place]


def _picked(chances: tuple[int, int], sizes: Sequence[int]) -> list[int]:
    """A number below each size: from the high number as long as it lasts, then the low one, then mixtures."""
    low, high = chances
    found, number, left, taken = [], high, _WORD, 0
    for size in sizes:
        if left < size:
            taken += 1
            number, left = (low if taken == 1 else _mixed(low, high, taken)), _WORD
        found.append(number % size)
        number, left = number // size, left // size
    return found


def _mixed(low: int, high: int, number: int) -> int:
    word = ((high ^ (low << 1) % _WORD) + 0x9E3779B97F4A7C15 * number) % _WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB % _WORD
    return word ^ word >> 31


def moved_date(text: str, low: int, days: int) -> str | None:
    """A date moved by 1 to `days` days; infinity stays; None where there is no date."""
    if text in ("infinity", "-infinity"):
        return text
    found = _DATE.fullmatch(text)
    try:
        day = date.fromisoformat(found[1]) if found else None
    except ValueError:
        day = None
    if day is None:
        return None
    move = low % (2 * days) - days
    move += move >= 0
    try:
        return (day + timedelta(move)).isoformat() + text[10:]
    except OverflowError:
        return (day - timedelta(move)).isoformat() + text[10:]


def moved_number(text: str, low: int, percent: float, most: int | None = None) -> str | None:
    """A number moved by up to a share of itself, with its decimals; None where it is none."""
    if text in ("NaN", "Infinity", "-Infinity"):
        return text
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return None
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, decimals = digits.partition(".")
    scaled = int(whole + decimals)
    spread = scaled * round(percent * 100) // 10_000
    move = low % (2 * spread + 1) - spread
    if most is not None and scaled + move > most * 10 ** len(decimals):
        move = -abs(move)
    moved = str(scaled + move).zfill(len(decimals) + 1)
    return f"{sign}{moved[: len(moved) - len(decimals)]}{'.' if decimals else ''}{moved[len(moved) - len(decimals) :]}"


def together(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of a row or an object: the parts of one address are decided by all of them, the postcode first."""
    parts = {
        name: rule
        for name, rule in rules.items()
        if isinstance(rule, Fake) and rule.family.startswith("address.") and not rule.by and rule.identity is None
    }
    parts.pop("*", None)
    if len(parts) < 2:
        return dict(rules)
    postcodes = [name for name, rule in parts.items() if rule.family == "address.postcode"]
    by = (*postcodes, *(name for name in parts if name not in postcodes))
    return {name: rule.model_copy(update={"by": by}) if name in parts else rule for name, rule in rules.items()}


class Plainly:
    """A table sanitised row by row.

    Args:
        columns: of the table, in the order of the cells.
        rules: what becomes of each column, by its name.
        key: of the run.
        stays: whether a row stays, as production has it.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        rules: Mapping[str, Any],
        key: bytes,
        stays: Callable[[Row], bool] = lambda row: True,
    ) -> None:
        self.columns = {column.name: column for column in columns}
        self.rules = together({name: rules[name] for name in self.columns})
        self.key, self.stays = key, stays
        self.pools = Pools("en_GB")

    def rows(self, lines: Sequence[Sequence[bytes]]) -> list[bytes]:
        """The lines that go on, as they go on."""
        rows = [dict(zip(self.columns, cells, strict=True)) for cells in lines]
        return [self._line(row) for row in rows if self.stays(row)]

    def _line(self, row: Row) -> bytes:
        return b"\t".join(self._cell(self.columns[name], rule, row) for name, rule in self.rules.items()) + b"\n"

    def _cell(self, column: Column, rule: Any, row: Row) -> bytes:
        cell = row[column.name]
        if isinstance(rule, Keep):
            return cell
        if isinstance(rule, Null):
            return rb"\N"
        text = read(cell)
        if text == "" or (text is None and getattr(rule, "nulls", "stay") == "stay"):
            return cell
        if isinstance(rule, Template):
            filled = (p if isinstance(p, str) else (read(row[p.column]) or "").zfill(p.width) for p in rule.parts)
            return write("".join(filled))
        return write(self._value(column, rule, text or "", row))

    def _value(self, column: Column, rule: Any, text: str, row: Row) -> str | None:
        """What becomes of a text that is not empty."""
        match rule:
            case Keep():
                return text
            case Null():
                return None
            case Constant(value=value):
                return str(value)
            case Json():
                return self._document(rule, text.strip(" \t\n\r"))
            case Each(each=inner):
                assert column.element is not None
                return write_array(self._array(column.element, inner, read_array(text)))
            case Chosen():
                decides = next(filter(None, (read(row[name]) for name in rule.by)), text)
                if any(self.columns[name].type.endswith("citext") for name in rule.by or (column.name,) if name):
                    decides = small(decides)
                return self._chosen(rule, text, chance(self.key, space_of(rule), decides), column)
        raise AssertionError(rule)

    def _array(self, element: Column, rule: Any, array: Nested) -> Nested:
        if isinstance(array, list):
            return [self._array(element, rule, item) for item in array]
        if array is None or (array == "" and not isinstance(rule, Null)):
            return array
        # A column of its own would give it the same.
        return Plainly([Column("", element.type)], {"": rule}, self.key)._value(
            Column("", element.type), rule, array, {}
        )

    def _chosen(self, rule: Chosen, text: str, chances: tuple[int, int], column: Column | None) -> str | None:
        match rule:
            case Shift(days=days):
                return moved_date(text, chances[0], days)
            case Noise(percent=percent):
                return moved_number(text, chances[0], percent, _most(column) if column else None)
            case Fake(family=family):
                form = self.pools.form(family)
            case Pattern(pattern=pattern):
                form = Form((Letters(parse_pattern(pattern)),))
            case OneOf(values=values):
                form = Form((Pick(values),))
        limit = column.max_length if column else None
        if limit is not None and form.longest > limit:
            assert FAMILIES[getattr(rule, "family", "")].cut
            form = form.cut(limit)
        return fake_of(form, chances, len(text.encode("utf-8", "replace")))

    # Documents.

    def _document(self, rule: Json, text: str) -> str:
        named = text.startswith("{") and (rule.only_with is None or rule.only_with in members_of(text))
        keys = rule.document.keys | ({} if rule.rest is None else {"*": rule.rest})
        if named:
            return self._object(keys, text)
        if rule.only_with is None and text.startswith("["):
            return self._list(JsonObject.model_construct(keys=keys), text, {})
        return "null" if rule.only_with is None and text == "null" else "{}"

    def _object(self, keys: Mapping[str, Any], text: str) -> str:
        members, rules = members_of(text), together(keys)
        others = rules.pop("*", None)
        written = (
            f"{json.dumps(name, ensure_ascii=False)}: {self._inside(rule, value, members)}"
            for name, value in members.items()
            if (rule := rules.get(name, others)) is not None
        )
        return "{" + ", ".join(written) + "}"

    def _list(self, rule: Any, text: str, members: Mapping[str, str]) -> str:
        return "[" + ", ".join(self._inside(rule, item, members) for item in items_of(text)) + "]"

    def _inside(self, rule: Any, text: str, members: Mapping[str, str]) -> str:
        """What becomes of a value in a document, among the members of its object."""
        match rule:
            case Keep():
                return text
            case Null() | Constant(value=None):
                return "null"
            case _ if text.startswith("["):
                return self._list(rule, text, members)
            case JsonObject(keys=keys):
                return self._object(keys, text) if text.startswith("{") else "null"
            case _ if text.startswith("{"):
                return "{}"
            case _ if text in ("null", '""'):
                return text
            case Constant(value=value):
                return _in_document(value)
        decides = next(filter(None, (_plain(members.get(name, "null")) for name in rule.by)), _plain(text))
        chances = chance(self.key, space_of(rule), decides)
        found = self._chosen(rule, _plain(text), chances, None)
        if isinstance(rule, Noise):
            return "null" if found is None or not found[-1].isdigit() else found
        return "null" if found is None else _in_document(found)


def _plain(text: str) -> str:
    """A value as a column would have it; nothing for what has none."""
    if text[0] == '"':
        return str(json.loads(text))
    return "" if text[0] in "[{n" else text


def _most(column: Column) -> int | None:
    numeric = re.fullmatch(r"numeric\((\d+),(\d+)\)", column.type)
    if numeric:
        return int(10 ** (int(numeric[1]) - int(numeric[2]))) - 1
    return _LARGEST.get(column.type)


def small(text: str) -> str:
    """A text in small letters, with a blank for every sort of blank."""
    return "".join(" " if letter in "\t\n\v\f\r" else letter.lower() for letter in text)
