"""What is noted beside a dump that was read back: `NAME.verified.json`.

The identity that stores backups may put objects, and neither delete nor tag them; so a dump that was not read back is
one that has no such note, and it is passed over for one that has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

SUFFIX = ".verified.json"
"""Ends the name of the note."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A dump that was read back, decrypted, and read to its end.

    Attributes:
        name: the object's.
        size: of its bytes.
        sha256: of its bytes, in hexadecimal.
        version_id: the version that was read; None where the bucket keeps none.
        rows: of each table, as rulesets write their names.
        tool: the version of dmrefresh that read it.
        at: when, in ISO 8601.
        signed: whether it carries the signature of the backups' key.
    """

    name: str
    size: int
    sha256: str
    version_id: str | None
    rows: Mapping[str, int] = field(default_factory=dict)
    tool: str = ""
    at: str = ""
    signed: bool = False


def as_json(verified: Verified) -> bytes:
    """The note's text."""
    return json.dumps({"dmrefresh": 1, **asdict(verified)}, indent=2, sort_keys=True).encode("ascii") + b"\n"


def from_json(text: bytes) -> Verified | None:
    """What a note says; None where it is no such note."""
    try:
        said = json.loads(text)
        if said.pop("dmrefresh") != 1:
            return None
        found = Verified(**said)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    right = isinstance(found.size, int) and isinstance(found.sha256, str) and isinstance(found.name, str)
    return found if right and isinstance(found.rows, dict) else None
