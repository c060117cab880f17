"""One level of a JSON document: its members or items, each still as it is written."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias

import msgspec

Raw: TypeAlias = bytes | msgspec.Raw

_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_BLANKS = re.compile(r"[ \t\n\r]*")


class NotJson(Exception):
    """A text is no JSON, or not the kind of value that was asked for."""


def read_object(text: Raw) -> dict[str, msgspec.Raw] | dict[str, bytes]:
    """The members of an object in their order; of a key that comes twice the last value. Raises NotJson."""
    try:
        return _read_object(text)
    except (msgspec.DecodeError, UnicodeError):
        return _Slowly(text).members()


def read_list(text: Raw) -> list[msgspec.Raw] | list[bytes]:
    """The items of a list. Raises NotJson."""
    try:
        return _read_list(text)
    except (msgspec.DecodeError, UnicodeError):
        return _Slowly(text).items()


def read_scalar(text: Raw) -> object:
    """Any other value. Raises NotJson."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return _Slowly(text).value()


def written(name: str) -> bytes:
    """A key as it is written, with the comma before it and the colon behind."""
    try:
        return b", " + msgspec.json.encode(name) + b": "
    except UnicodeError:
        return b", " + json.dumps(name).encode() + b": "


class _Slowly:
    r"""For the documents that msgspec refuses and PostgreSQL's type json takes.

    They hold half of a surrogate pair (`"\ud83d"` alone), which the type json does not look at.
    """

    def __init__(self, text: Raw) -> None:
        self.text = self._text(bytes(text))
        self.decoder = json.JSONDecoder(parse_constant=self._refuse)

    @staticmethod
    def _text(text: bytes) -> str:
        if b"\\u" not in text:
            raise NotJson
        try:
            return text.decode()
        except UnicodeError:
            raise NotJson from None

    @staticmethod
    def _refuse(constant: str) -> NoReturn:
        raise NotJson  # NaN and the like; JSON has none

    def members(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        at = self._next("{", 0)
        more = self.text[at : at + 1] != "}"
        while more:
            name, end = self._raw(at)
            at = self._next(":", end)
            value, at = self._raw(at)
            found[self._string(name)] = value.encode()
            more = self.text[at : at + 1] == ","
            at = self._next(",", at) if more else at
        self._end(self._next("}", at))
        return found

    def items(self) -> list[bytes]:
        found: list[bytes] = []
        at = self._next("[", 0)
        more = self.text[at : at + 1] != "]"
        while more:
            item, at = self._raw(at)
            found.append(item.encode())
            more = self.text[at : at + 1] == ","
            at = self._next(",", at) if more else at
        self._end(self._next("]", at))
        return found

    def value(self) -> object:
        text, end = self._raw(self._skip(0))
        self._end(end)
        return json.loads(text)

    def _raw(self, start: int) -> tuple[str, int]:
        """The value that begins at `start`, as written, and where the next thing begins."""
        try:
            _, end = self.decoder.raw_decode(self.text, start)
        except (ValueError, RecursionError):
            raise NotJson from None
        return self.text[start:end], self._skip(end)

    def _string(self, text: str) -> str:
        if not text.startswith('"'):
            raise NotJson
        return str(json.loads(text))

    def _skip(self, at: int) -> int:
        match = _BLANKS.match(self.text, at)
        return match.end() if match else at

    def _next(self, mark: str, at: int) -> int:
        at = self._skip(at)
        if self.text[at : at + 1] != mark:
            raise NotJson
        return self._skip(at + 1)

    def _end(self, at: int) -> None:
        if at != len(self.text):
            raise NotJson
