"""Where in a ruleset one key may stand for several, as in `a, b: rule`: for columns, fields, entries and keys."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from sanitisers.ruleset.surface import is_rule


class Part(Enum):
    """What something in a ruleset is."""

    FILE = auto()
    TABLES = auto()
    TABLE = auto()
    NAMES = auto()
    """Columns, fields or entries, each with its rule."""
    RULE = auto()
    KEYS = auto()
    """Keys of a document, each with what becomes of it."""
    KEY = auto()
    """What becomes of a key: the next level, unless it is a rule."""
    OTHER = auto()

    @property
    def joins(self) -> bool:
        """Whether one of its keys may be a list of names."""
        return self in (Part.NAMES, Part.KEYS)

    def of_map(self, node: Mapping[str, object]) -> Part:
        """The same, now that it turned out to be this map."""
        if self is not Part.KEY:
            return self
        if is_rule(node):
            return Part.OTHER
        return Part.RULE if set(node) == {"json"} and isinstance(node["json"], Mapping) else Part.KEYS

    def below(self, key: str) -> Part:
        """What stands at one of its keys."""
        return _BELOW.get((self, key)) or _BELOW.get((self, "*"), Part.OTHER)


_BELOW = {
    (Part.FILE, "tables"): Part.TABLES,
    (Part.TABLES, "*"): Part.TABLE,
    (Part.TABLE, "columns"): Part.NAMES,
    (Part.NAMES, "*"): Part.RULE,
    (Part.RULE, "json"): Part.KEYS,
    (Part.RULE, "each"): Part.RULE,
    (Part.RULE, "fields"): Part.NAMES,
    (Part.RULE, "entries"): Part.NAMES,
    (Part.KEYS, "*"): Part.KEY,
}
