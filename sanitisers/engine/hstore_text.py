"""How the extension hstore writes its values: `"key"=>"value", "other"=>NULL` (manual, F.18.1).

Keys and values always have quotes, in which a backslash stands before quotes and backslashes. The empty string has no
entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sanitisers.engine.box_text import NotAsWritten, Opened, with_escapes, without_escapes

_TEXT = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_ENTRY = re.compile(rb'"(%b)"=>(NULL|"%b"), |(.+)' % (_TEXT, _TEXT), re.DOTALL)
"""One with what is behind it, or all that is left where that is none."""
_NULL, _BETWEEN = b"NULL", b", "


@dataclass(frozen=True, slots=True)
class HstoreForm:
    """Entries by key: `named` has the rule of each key, `others` that of all the rest, which go where it is None."""

    named: Mapping[bytes, int]
    others: int | None
    empty: bool = True
    marks: None = None

    def open(self, text: bytes) -> Opened:
        """See BoxForm. Entries that go are not among the values."""
        found = _ENTRY.findall(text + _BETWEEN) if text else []
        if found and found[-1][2]:
            raise NotAsWritten
        values: list[bytes | None] = []
        slots: list[int] = []
        parts: list[bytes] = []
        names: list[tuple[int, bytes]] = []
        for written, value, _ in found:
            key = without_escapes(written)
            slot = self.named.get(key, self.others)
            if slot is None:
                continue
            if key not in self.named:
                names.append((slot, key))
            parts.append(b'%b"%b"=>' % (_BETWEEN if parts else b"", written))
            values.append(None if value == _NULL else without_escapes(value[1:-1]))
            slots.append(slot)
        return Opened(values, slots, [*parts, b""], names)

    def write(self, value: bytes | None) -> bytes:
        """See BoxForm."""
        return b"NULL" if value is None else with_escapes(value)
