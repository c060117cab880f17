"""How the extension hstore writes its values: `"key"=>"value", "other"=>NULL` (manual, F.18.1).

Keys and values always have quotes, in which a backslash stands before quotes and backslashes. The empty string has no
entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sanitisers.engine.box_text import NotAsWritten, Opened

_TEXT = rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_ENTRY = re.compile(rb"%b=>(?:NULL|%b)" % (_TEXT, _TEXT), re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_SPECIAL = re.compile(rb'[\\"]')
_BETWEEN = b", "


@dataclass(frozen=True, slots=True)
class HstoreForm:
    """Entries by key: `named` has the rule of each key, `others` that of all the rest, which go where it is None."""

    named: Mapping[bytes, int]
    others: int | None
    empty: bool = True
    marks: None = None

    def open(self, text: bytes) -> Opened:
        """See Form. Entries that go are not among the values."""
        values: list[bytes | None] = []
        slots: list[int] = []
        parts = [b""]
        names: list[tuple[int, bytes]] = []
        end = 0
        while end < len(text):
            if end:
                if not text.startswith(_BETWEEN, end):
                    raise NotAsWritten
                end += len(_BETWEEN)
            entry = _ENTRY.match(text, end)
            if entry is None:
                raise NotAsWritten
            end = entry.end()
            key = _plain(entry[1])
            slot = self.named.get(key, self.others)
            if slot is None:
                continue
            if key not in self.named:
                names.append((slot, key))
            parts[-1] += (_BETWEEN if values else b"") + b'"%b"=>' % entry[1]
            parts.append(b"")
            values.append(None if entry[2] is None else _plain(entry[2]))
            slots.append(slot)
        return Opened(values, slots, parts, names)

    def write(self, value: bytes | None) -> bytes:
        """See Form."""
        return b"NULL" if value is None else b'"%b"' % _SPECIAL.sub(rb"\\\g<0>", value)


def _plain(text: bytes) -> bytes:
    return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text
